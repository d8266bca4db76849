/**
 * Runs the steps of a run against a client in virtual time, over the socket in memory, and looks at what is left: Alice's
 * client writes to Bob, who has a phone only, and to Carol, who has a phone and a client of her own. Whatever happened,
 * everything that was accepted is read in the end, once, in order where it could be read at once; no message key has sealed
 * two texts; and the next texts are read at once.
 *
 * A restored copy is another line of history, and what counts is what it has. What was accepted after it was made is not in
 * it: that was sent or never will be, and must not be doubled. What was cancelled after it was made is waiting again. What
 * it has not sent yet may have been sent before: the phones get it a second time, in another session, and show it once.
 * Lost, because the server has been told that it arrived, are texts that were received, and requests for a text that were
 * answered or not, between the copy and its use.
 */
import { Client, MemoryStore } from 'waton'
import type { DurableEvent } from 'waton'
import { CiphertextRecord, assertNoKeyReuse, startSimulator } from 'waton/simulator'
import type { SimulatedPhone, Simulator } from 'waton/simulator'
import { VirtualClock, seededRandom } from 'waton/testing'
import { WatonError, describeError, errorCode } from '../../src/base/errors.ts'
import { disorder, missing, repeated } from '../kill/lists.ts'
import { MortalClient } from './mortal-client.ts'
import type { Peer, Step } from './steps.ts'

const ALICE = '15550000001@s.whatsapp.net'
/** The device of the client that things happen to. */
const DEVICE = '15550000001:1@s.whatsapp.net'

/** What a run showed. Without mistakes it is as it should be. */
export interface RunResult {
  readonly mistakes: readonly string[]
  /** What happened, for the proof that it did. */
  readonly sent: number
  readonly received: number
  readonly cancelled: number
  readonly crashes: number
  readonly failedCommits: number
  readonly faults: number
  readonly lostSessions: number
  readonly restores: number
  readonly retries: number
  readonly ciphertexts: number
}

/** A text on its way out. */
interface Sent {
  readonly id: string
  readonly peer: Peer
  /**
   * `accepted` when `send` has resolved; `unsure` when it did not, as the process died or the store failed; `perhaps
   * cancelled` when cancelling failed in that way.
   */
  state: 'unsure' | 'accepted' | 'cancelled' | 'perhaps cancelled'
  /** Whether a copy of the store was restored since: it may have left before that. */
  mayHaveLeft: boolean
}

/** A text of somebody else. */
interface Received {
  readonly id: string
  readonly peer: Peer
  /** Whether it arrived, and a copy that does not have it was restored. */
  mayLack: boolean
}

/** What `cancel` says of a message whose fate is certain. */
const KNOWN_FATES: readonly string[] = ['WATON_OUTBOX_SENT', 'WATON_OUTBOX_UNKNOWN']
/** How often time goes on at the end before what is missing counts as lost, and how far each time. */
const LAST_STRETCHES = 40
const STRETCH_MS = 60_000
/** Requests of one device for one message within which everything heals. */
const MOST_RETRIES = 2
/** Turns of the event loop after a step. */
const TURNS = 6

/** Runs the steps; the same seed and steps give the same run. */
export async function runSteps(seed: string, steps: readonly Step[]): Promise<RunResult> {
  const machine = await Machine.begin(seed)
  try {
    for (const step of steps) await machine.take(step)
    return await machine.finish()
  } finally {
    await machine.end()
  }
}

/** The phones of everybody. */
interface Phones {
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
  readonly carol: SimulatedPhone
}

class Machine {
  readonly #clock: VirtualClock
  readonly #simulator: Simulator
  readonly #phones: Phones
  readonly #mine: MortalClient
  readonly #carols: Client
  readonly #record: CiphertextRecord
  readonly #sent: Sent[] = []
  readonly #received: Received[] = []
  readonly #mistakes: string[] = []
  #crashes = 0
  #lostSessions = 0
  #retries = 0
  /** How often each device has asked for each message. */
  readonly #retriesOf = new Map<string, number>()
  #heldFor = 0
  #restores = 0
  /** What waited in copies that were restored. */
  readonly #waitedInCopy = new Set<string>()

  private constructor(parts: {
    clock: VirtualClock
    simulator: Simulator
    phones: Phones
    mine: MortalClient
    carols: Client
  }) {
    this.#clock = parts.clock
    this.#simulator = parts.simulator
    this.#phones = parts.phones
    this.#mine = parts.mine
    this.#carols = parts.carols
    this.#record = new CiphertextRecord(parts.simulator.trace)
    parts.simulator.trace.subscribe((entry) => {
      if ('kind' in entry && entry.kind === 'violation') this.#mistakes.push(`violation: ${entry.text}`)
      if ('node' in entry && entry.direction === 'client-to-server' && entry.node.attrs.type === 'retry')
        this.#countRetry(entry.node.attrs.id ?? '', entry.device ?? '')
    })
  }

  static async begin(seed: string): Promise<Machine> {
    const clock = new VirtualClock()
    const simulator = await startSimulator({ seed, clock })
    const phone = (phoneNumber: string, name: string): Promise<SimulatedPhone> =>
      simulator.addPhone({ phoneNumber, name })
    const phones = {
      alice: await phone('15550000001', 'Alice'),
      bob: await phone('15550000002', 'Bob'),
      carol: await phone('15550000003', 'Carol'),
    }
    const mine = new MortalClient(simulator.endpoint, clock, seed)
    const carols = new Client({
      store: new MemoryStore(),
      endpoint: simulator.endpoint,
      clock,
      random: seededRandom(`${seed} carol`),
    })
    for (const [client, owner] of [
      [mine.client, phones.alice],
      [carols, phones.carol],
    ] as const) {
      client.once('pairing.qr', async ({ qr }) => {
        await owner.linkDevice(qr)
      })
      await clock.runUntil(client.connect())
    }
    return new Machine({ clock, simulator, phones, mine, carols })
  }

  #countRetry(id: string, device: string): void {
    this.#retries += 1
    const what = `${id} by ${device}`
    this.#retriesOf.set(what, (this.#retriesOf.get(what) ?? 0) + 1)
  }

  async take(step: Step): Promise<void> {
    // commits that wait hold up everything else: not for long
    if (this.#heldFor > 0 && --this.#heldFor === 0) await this.#mine.letThrough()
    await this.#do(step)
    await this.#settle()
  }

  async #do(step: Step): Promise<void> {
    const { faults } = this.#simulator
    switch (step.do) {
      case 'send':
        for (let left = step.count; left > 0; left -= 1) this.#send(step.peer)
        return
      case 'receive':
        for (let left = step.count; left > 0; left -= 1) this.#receive(step.peer)
        return
      case 'turn':
        this.#send(step.peer)
        await this.#settle()
        this.#receive(step.peer)
        return
      case 'cancel':
        await this.#cancel()
        return
      case 'cut':
        faults.disconnect(DEVICE)
        return
      case 'pass':
        await this.#clock.advanceAndSettle(step.ms)
        return
      case 'lose-acks':
        faults.loseAcks(DEVICE, step.count)
        return
      case 'repeat-receipts':
        faults.repeatReceipts(DEVICE, step.count)
        return
      case 'reorder-receipts':
        faults.reorderReceipts(DEVICE)
        return
      default:
        await this.#damage(step)
    }
  }

  async #damage(
    step: Extract<Step, { do: `${string}commits` | 'crash' | `${string}sessions` | 'back-up' | 'restore' }>,
  ): Promise<void> {
    switch (step.do) {
      case 'fail-commits':
        this.#mine.failCommits(step.count, step.isApplied)
        return
      case 'hold-commits':
        this.#mine.hold()
        this.#heldFor = 3
        return
      case 'crash':
        await this.#crash(step.unacknowledged)
        return
      case 'client-loses-sessions':
        this.#lostSessions += await this.#crash(0, ['session'])
        return
      case 'peer-loses-sessions':
        this.#lostSessions += this.#phones[step.peer].loseSessions(ALICE)
        return
      case 'back-up':
        this.#mine.backUp()
        return
      case 'restore':
        await this.#restore(step.unacknowledged)
    }
  }

  /** See the file comment. */
  async #restore(unacknowledged: number): Promise<void> {
    const restored = await this.#mine.restore(unacknowledged)
    if (restored === undefined) return
    this.#restores += 1
    this.#heldFor = 0
    const { outbox, readable, formerlyMet } = restored
    const unread = await this.#unreadByPeers()
    for (const sent of this.#sent) restoreSent(sent, outbox.get(sent.id), unread.has(sent.id))
    for (const [id, state] of outbox) if (state === 'queued') this.#waitedInCopy.add(id)
    for (const received of this.#received)
      if (formerlyMet.has(received.id) && !readable.has(received.id)) received.mayLack = true
    // the copy asks for itself
    for (const [what, count] of [...this.#retriesOf].filter(([key]) => key.endsWith(` by ${DEVICE}`))) {
      this.#retriesOf.delete(what)
      this.#retriesOf.set(`${what}, until restore ${String(this.#restores)}`, count)
    }
  }

  /** What the peers could not read yet: they have asked for it, and perhaps nobody remembers. */
  async #unreadByPeers(): Promise<ReadonlySet<string>> {
    const { bob, carol } = this.#phones
    const views = [phoneView(bob), phoneView(carol), clientView(await this.#eventsOf(this.#carols))]
    return new Set(views.flatMap(({ shown, late }) => missing([...late], shown)))
  }

  async #crash(unacknowledged: number, kinds: readonly string[] = []): Promise<number> {
    this.#crashes += 1
    this.#heldFor = 0
    return this.#mine.crash(unacknowledged, kinds)
  }

  #send(peer: Peer): void {
    const id = `S${String(this.#sent.length + 1)}`
    const sent: Sent = { id, peer, state: 'unsure', mayHaveLeft: false }
    this.#sent.push(sent)
    this.#mine.client.send(this.#phones[peer].pn, { text: id }, { id }).then(
      () => {
        if (sent.state === 'unsure') sent.state = 'accepted'
      },
      () => undefined,
    )
  }

  /** Bob writes on his phone, Carol on her client. */
  #receive(peer: Peer): void {
    const id = `R${String(this.#received.length + 1)}`
    this.#received.push({ id, peer, mayLack: false })
    const sending =
      peer === 'bob'
        ? this.#phones.bob.send(ALICE, { text: id }, { id })
        : this.#carols.send(ALICE, { text: id }, { id })
    sending.catch((error: unknown) => {
      this.#mistakes.push(`${peer} could not write ${id}: ${describeError(error)}`)
    })
  }

  async #cancel(): Promise<void> {
    const last = this.#sent.at(-1)
    if (last === undefined) return
    const cancelling = this.#mine.client.outbox.cancel(last.id).then(
      () => {
        last.state = last.mayHaveLeft ? 'perhaps cancelled' : 'cancelled'
      },
      (error: unknown) => {
        // it had left, or was never accepted
        if (KNOWN_FATES.includes(errorCode(error) ?? '')) return
        if (error instanceof WatonError) last.state = 'perhaps cancelled'
        else this.#mistakes.push(`cancelling ${last.id}: ${describeError(error)}`)
      },
    )
    await Promise.race([cancelling, this.#settle()])
  }

  async #settle(turns = TURNS): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
  }

  /** Everything works again; time goes on until all is there, or for long enough. Then a text each way, and the verdict. */
  async finish(): Promise<RunResult> {
    await this.#mine.letThrough()
    this.#heldFor = 0
    this.#simulator.faults.disconnect(DEVICE)
    await this.#untilWhole()
    // a loss that nobody has met yet shows with the first text, and is healed by it
    await this.#textsEachWay()
    const before = this.#retries
    await this.#textsEachWay()
    if (this.#retries > before)
      this.#mistakes.push('the last texts were asked for again: a session is stranded')
    await this.#judge()
    return {
      mistakes: this.#mistakes,
      sent: this.#sent.length,
      received: this.#received.length,
      cancelled: this.#sent.filter(({ state }) => state === 'cancelled').length,
      crashes: this.#crashes,
      failedCommits: this.#mine.failedCommits,
      faults: this.#simulator.trace.faults.length,
      lostSessions: this.#lostSessions,
      restores: this.#restores,
      retries: this.#retries,
      ciphertexts: this.#record.size,
    }
  }

  async #textsEachWay(): Promise<void> {
    for (const peer of ['bob', 'carol'] as const) {
      this.#send(peer)
      await this.#settle()
      this.#receive(peer)
      await this.#untilWhole()
    }
  }

  async #untilWhole(): Promise<void> {
    for (let stretch = 0; stretch < LAST_STRETCHES; stretch += 1) {
      await this.#settle(4 * TURNS)
      if (await this.#isWhole()) return
      await this.#clock.advanceAndSettle(STRETCH_MS)
    }
  }

  async #isWhole(): Promise<boolean> {
    const log = await this.#eventsOf(this.#mine.client)
    const unfinished = await this.#unfinished()
    if (unfinished.length > 0) return false
    const isRead = missing(
      this.#received.filter(({ mayLack }) => !mayLack).map(({ id }) => id),
      idsOf(log),
    ).length
    if (isRead > 0) return false
    for (const peer of ['bob', 'carol'] as const)
      if (missing(this.#acceptedFor(peer), await this.#shownTo(peer)).length > 0) return false
    return (
      missing(
        this.#acceptedFor('carol'),
        this.#phones.carol.messages.map(({ id }) => id),
      ).length === 0
    )
  }

  #acceptedFor(peer: Peer): readonly string[] {
    return this.#sent.filter((one) => one.peer === peer && one.state === 'accepted').map(({ id }) => id)
  }

  /** What the peer reads: Bob on his phone, Carol on her client. */
  async #shownTo(peer: Peer): Promise<readonly string[]> {
    if (peer === 'bob') return this.#phones.bob.messages.map(({ id }) => id)
    return idsOf(await this.#eventsOf(this.#carols))
  }

  async #unfinished(): Promise<readonly string[]> {
    const ids: string[] = []
    const { outbox } = this.#mine.client
    for await (const { id } of outbox.list({ states: ['queued', 'encrypted', 'sent'] })) ids.push(id)
    return ids
  }

  async #eventsOf(client: Client): Promise<readonly DurableEvent[]> {
    const events: DurableEvent[] = []
    for await (const event of client.events.read()) events.push(event)
    return events
  }

  async #judge(): Promise<void> {
    try {
      assertNoKeyReuse(this.#record)
    } catch (error) {
      this.#mistakes.push(describeError(error))
    }
    this.#complain('still in the outbox', await this.#unfinished())
    const often = [...this.#retriesOf].filter(([, count]) => count > MOST_RETRIES)
    this.#complain(
      'asked for too often',
      often.map(([what, count]) => `${what} ${String(count)} times`),
    )
    const { alice, bob, carol } = this.#phones
    const mine = await this.#eventsOf(this.#mine.client)
    const carols = await this.#eventsOf(this.#carols)
    await this.#judgeView("Bob's phone", 'bob', phoneView(bob))
    await this.#judgeView("Carol's phone", 'carol', phoneView(carol))
    await this.#judgeView("Carol's client", 'carol', clientView(carols))
    for (const [name, phone] of Object.entries({ alice, bob, carol })) this.#judgeDuplicates(name, phone)
    const view = clientView(mine)
    for (const peer of ['bob', 'carol'] as const) {
      const expected = this.#received.filter((one) => one.peer === peer && !one.mayLack).map(({ id }) => id)
      this.#compare(`the client, from ${peer}`, expected, view)
    }
  }

  async #judgeView(name: string, peer: Peer, view: View): Promise<void> {
    const all = this.#sent.filter((one) => one.peer === peer)
    const failed = await this.#failedIds()
    const expected = this.#acceptedFor(peer).filter((id) => !failed.has(id))
    this.#complain(
      `failed, on the way to ${peer}`,
      [...failed].filter((id) => all.some((one) => one.id === id && one.state === 'accepted')),
    )
    this.#compare(name, expected, view)
    const cancelled = new Set(all.filter(({ state }) => state === 'cancelled').map(({ id }) => id))
    this.#complain(
      `${name} shows what was cancelled`,
      view.shown.filter((id) => cancelled.has(id)),
    )
  }

  async #failedIds(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    for await (const { id } of this.#mine.client.outbox.list({ states: ['failed'] })) ids.add(id)
    return ids
  }

  #compare(name: string, expected: readonly string[], { shown, late }: View): void {
    this.#complain(`${name} lacks`, missing(expected, shown))
    this.#complain(`${name} has twice`, repeated(shown))
    // what was asked for again comes when it comes
    const atOnce = expected.filter((id) => !late.has(id))
    this.#complain(`${name} has out of order`, disorder(atOnce, shown))
  }

  /** A second ciphertext of a message is for those who could not read the first. */
  #judgeDuplicates(name: string, { duplicates, undecryptable }: SimulatedPhone): void {
    const asked = new Set(undecryptable.map(({ id }) => id))
    const twice = duplicates.filter(
      ({ kind, id }) => kind === 'new-ciphertext' && !asked.has(id) && !this.#waitedInCopy.has(id),
    )
    this.#complain(
      `${name}'s phone got a second ciphertext of`,
      twice.map(({ id }) => id),
    )
  }

  #complain(what: string, ids: readonly string[]): void {
    if (ids.length > 0) this.#mistakes.push(`${what}: ${ids.join(', ')}`)
  }

  async end(): Promise<void> {
    this.#record.close()
    await this.#mine.close().catch(() => undefined)
    await this.#carols.close()
    await this.#simulator.close()
  }
}

/** What a text has become with a restored copy, which has it in a state or not at all. */
function restoreSent(sent: Sent, state: string | undefined, isUnread: boolean): void {
  const couldHaveLeft = sent.mayHaveLeft
  sent.mayHaveLeft = true
  if (state === undefined) {
    // what was cancelled then had not left, and nothing is left of it
    if (sent.state !== 'cancelled') sent.state = 'unsure'
  } else if (state === 'cancelled') sent.state = couldHaveLeft ? 'perhaps cancelled' : 'cancelled'
  else if (isUnread && state !== 'queued' && state !== 'encrypted') sent.state = 'unsure'
  else sent.state = 'accepted'
}

/** What one device shows, and what it could not read at first. */
interface View {
  readonly shown: readonly string[]
  readonly late: ReadonlySet<string>
}

function phoneView({ messages, undecryptable }: SimulatedPhone): View {
  return { shown: messages.map(({ id }) => id), late: new Set(undecryptable.map(({ id }) => id)) }
}

function clientView(events: readonly DurableEvent[]): View {
  const late = events.flatMap(({ type, payload }) => (type === 'message.undecryptable' ? [payload.id] : []))
  return { shown: idsOf(events), late: new Set(late) }
}

function idsOf(events: readonly DurableEvent[]): readonly string[] {
  return events.flatMap(({ type, payload }) => (type === 'message' && !payload.fromMe ? [payload.id] : []))
}
