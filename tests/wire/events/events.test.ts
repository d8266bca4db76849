/**
 * The same stanza to an unmodified Baileys and to waton: whatever Baileys tells its user about it, waton must tell as well,
 * member by member. Where waton says something else on purpose, {@link DIFFERENCES} says why.
 */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Client } from 'waton'
import { startSimulator } from 'waton/simulator'
import type { Simulator } from 'waton/simulator'
import { Baileys } from '../../helpers/baileys.ts'
import { until } from '../../helpers/until.ts'
import { addPair, linkedClient } from '../../helpers/world.ts'
import { CASES, CAROL, CAROL_LID } from './cases.ts'
import type { Case } from './cases.ts'
import { NOT_TAKEN, flat, translate } from './translate.ts'
import type { Facts, Translation } from './translate.ts'

const WATON = '15550000001:1@s.whatsapp.net'
const BAILEYS = '15550000002:1@s.whatsapp.net'

interface Difference {
  /** The case. */
  readonly in: string
  /** What is told otherwise: a path of the payload, or `type`. */
  readonly at: string
  readonly baileys: unknown
  readonly waton: unknown
  readonly why: string
}

/** The durable events that have a counterpart in Baileys. */
const DURABLE = [
  'account.changed',
  'account.restricted',
  'blocklist.changed',
  'call',
  'contact.picture',
  'group.changed',
  'group.created',
  'group.invite',
  'group.participants',
  'group.request',
  'media.retry',
  'message.receipt',
  'message.seen',
  'newsletter.changed',
  'newsletter.participant',
  'newsletter.reactions',
  'newsletter.views',
] as const

/** See the file comment. */
const DIFFERENCES: readonly Difference[] = [
  {
    in: 'somebody leaves',
    at: 'action',
    baileys: 'remove',
    waton: 'leave',
    why: 'going and being sent away are not the same; Baileys knows it and leaves it out of the event',
  },
  {
    in: 'somebody has stopped',
    at: 'type',
    baileys: 'presence',
    waton: 'chat.state',
    why: 'who stops typing has not come: a chat state is not a presence',
  },
  {
    in: 'somebody has stopped',
    at: 'isAvailable',
    baileys: true,
    waton: undefined,
    why: 'see above: Baileys turns `paused` into `available`',
  },
  ...['media that are there again', 'media that are gone'].map((name) => ({
    in: name,
    at: 'message.chat',
    baileys: CAROL,
    waton: CAROL_LID,
    why: 'a chat has one address in waton, by which the message is kept',
  })),
  {
    in: 'new chats again',
    at: 'enforcement',
    baileys: 'DEFAULT',
    waton: undefined,
    why: 'the server says no word for it: Baileys fills one in',
  },
]

const occurred = new Set<Difference>()
const passedOver = new Set<string>()

/** What is not as Baileys says it and is not meant to be, one line for each. */
function compare(name: string, theirs: Translation, ours: Told): readonly string[] {
  for (const member of theirs.passedOver) passedOver.add(member)
  const known = new Map(flat(ours.payload)).set('type', ours.type)
  const lines = theirs.rest.map((member) => `${name}: nobody takes "${member}" of what Baileys tells`)
  for (const [at, baileys] of [['type', theirs.type] as const, ...flat(theirs.facts)]) {
    const waton = known.get(at)
    if (baileys === waton) continue
    const meant = DIFFERENCES.find((one) => one.in === name && one.at === at)
    if (meant === undefined || meant.baileys !== baileys || meant.waton !== waton)
      lines.push(`${name}: ${at} is ${JSON.stringify(baileys)} in Baileys, ${JSON.stringify(waton)} in waton`)
    else occurred.add(meant)
  }
  return lines
}

interface Told {
  readonly type: string
  readonly payload: Facts
}

describe('what waton tells about a stanza', () => {
  const told: Told[] = []
  let simulator: Simulator
  let client: Client

  beforeAll(async () => {
    simulator = await startSimulator({ seed: 78 })
    return () => simulator.close()
  })

  /** With the same id to both: it stands in what they tell. */
  function deliver(device: string, { stanza }: Case, id: string): void {
    simulator.deliver(device, { ...stanza, attrs: { id, ...stanza.attrs } }, { keep: 'now' })
  }

  async function baileysTells(baileys: Baileys, one: Case, id: string): Promise<Translation> {
    const before = baileys.announced.length
    deliver(BAILEYS, one, id)
    const found = await until(`Baileys to tell ${one.tells}`, () =>
      baileys.announced.slice(before).find(({ name }) => name === one.tells),
    )
    return translate(found)
  }

  async function watonTells(one: Case, id: string): Promise<Told> {
    const before = told.length
    deliver(WATON, one, id)
    return until(`waton to tell what Baileys tells with ${one.tells}`, () => told[before])
  }

  test('is everything that Baileys tells, and differs only on purpose', async () => {
    const { alice, bob } = await addPair(simulator)
    client = await linkedClient(simulator, alice)
    for (const type of ['presence', 'chat.state'] as const)
      client.on(type, (payload: object) => {
        told.push({ type, payload: { ...payload } })
      })
    for (const type of DURABLE)
      client.on(type, ({ payload }: { readonly payload: object }) => {
        told.push({ type, payload: { ...payload } })
      })
    const baileys = await Baileys.link(simulator, bob)
    onTestFinished(() => baileys.quit())
    const problems: string[] = []
    for (const [index, [name, one]] of Object.entries(CASES).entries()) {
      const id = `EVENT-${String(index)}`
      const theirs = await baileysTells(baileys, one, id)
      const ours = await watonTells(one, id)
      problems.push(...compare(name, theirs, ours))
    }
    expect(problems).toEqual([])
    const listed = Object.entries(NOT_TAKEN).flatMap(([event, members]) =>
      Object.keys(members).map((member) => `${event}.${member}`),
    )
    expect(listed.filter((member) => !passedOver.has(member))).toEqual([])
    expect(DIFFERENCES.filter((one) => !occurred.has(one))).toEqual([])
  }, 60_000)
})
