/** The media server over real HTTPS, as a client meets it: what it refuses, what it keeps, what goes wrong on purpose. */
import { request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { concatBytes, toBase64 } from '../../base/bytes.ts'
import { seededRandom } from '../../base/random.ts'
import { sha256 } from '../../protocol/crypto/index.ts'
import { SimulatedServer } from '../server/server.ts'
import { toBase64Url } from './media-store.ts'

const FILE = seededRandom('a file').bytes(100_000)
const NAME = toBase64Url(sha256(FILE))

interface Answer {
  readonly status: number
  readonly body: Uint8Array
  readonly headers: IncomingHttpHeaders
}

describe('the media server', () => {
  let server: SimulatedServer
  let nowMs: number

  beforeEach(async () => {
    nowMs = 1_700_000_000_000
    server = new SimulatedServer({
      host: '127.0.0.1',
      port: 0,
      clock: { nowMs: () => nowMs, schedule: (delayMs, run) => systemClock.schedule(delayMs, run) },
      random: seededRandom('media server'),
      pingIntervalMs: 0,
      traceCapacity: 1_000,
    })
    await server.start()
  })

  afterEach(() => server.close())

  function ask(
    method: string,
    path: string,
    { body, headers = {} }: { body?: Uint8Array; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const asked = request(
        `https://${server.world.media.host}${path}`,
        { method, headers: { ...headers, ...length }, ca: server.media.certificate, agent: false },
        (response) => {
          const parts: Uint8Array[] = []
          response.on('data', (part: Uint8Array) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              body: concatBytes(...parts),
              headers: response.headers,
            })
          })
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
  }

  function upload(
    query: Record<string, string>,
    body: Uint8Array | undefined = FILE,
    path: string = `/mms/image/${NAME}`,
  ): Promise<Answer> {
    return ask('POST', `${path}?${new URLSearchParams(query).toString()}`, { body })
  }

  const auth = (): string => server.world.media.issueAuth()
  const jsonOf = ({ body }: Answer): Record<string, string> =>
    JSON.parse(new TextDecoder().decode(body)) as Record<string, string>
  const faults = (): string[] => server.trace.faults.map(({ text }) => text)

  async function uploaded(): Promise<string> {
    const answer = jsonOf(await upload({ auth: auth(), token: NAME }))
    return answer['direct_path'] ?? ''
  }

  it('refuses uploads without a token of its own, and with one that has expired', async () => {
    expect((await upload({ token: NAME })).status).toBe(401)
    expect((await upload({ auth: 'invented', token: NAME })).status).toBe(401)
    const token = auth()
    nowMs += server.world.media.habits.authTtlSeconds * 1000
    expect((await upload({ auth: token, token: NAME })).status).toBe(403)
  })

  it.each([
    ['a file that is not what its name says', FILE.subarray(1), { token: NAME }, `/mms/image/${NAME}`, 400],
    ['a token that is not the name', FILE, { token: `A${NAME.slice(1)}` }, `/mms/image/${NAME}`, 400],
    ['a name in base64 of the other kind', FILE, { token: toBase64(sha256(FILE)) }, '/mms/image/a+b', 400],
    ['a kind that nobody knows', FILE, { token: NAME }, `/mms/gold/${NAME}`, 404],
    ['an offset that nothing leads to', FILE, { token: NAME, file_offset: '5' }, `/mms/image/${NAME}`, 400],
  ])('refuses %s', async (_what, body, query, path, status) => {
    expect((await upload({ auth: auth(), ...query }, body, path)).status).toBe(status)
    expect(server.trace.notes.map(({ kind }) => kind)).toContain('refusal')
  })

  it.each([
    [{ on: 'upload', fault: 'wrong-bytes' }, /fault in faults.media.next/],
    [{ on: 'download', fault: 'status' }, /status in faults.media.next/],
    [{ on: 'download', fault: 'status', status: 200 }, /400 to 599/],
    [{ fault: 'reset' }, /on in faults.media.next/],
    [{ on: 'download', fault: 'reset', time: 2 }, /no option "time"/],
  ])('refuses to plan %o, which means nothing', (fault, message) => {
    expect(() => {
      server.faults.media.next(fault as never)
    }).toThrow(message)
  })

  it('leaves a transfer hanging when it is told to, and goes when it is closed', async () => {
    const path = await uploaded()
    server.faults.media.next({ on: 'download', fault: 'stall', afterBytes: 0 })
    const stalled = new Promise<void>((resolve) => {
      server.trace.subscribe((entry) => {
        if ('kind' in entry && entry.kind === 'fault') resolve()
      })
    })
    const hanging = expect(ask('GET', path)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await stalled
    await server.close()
    await hanging
  })

  it('refuses files that are too large, and drops the oldest when there are too many', async () => {
    server.faults.media.habits({ maxFileBytes: 99_999 })
    expect((await upload({ auth: auth(), token: NAME })).status).toBe(413)
    server.faults.media.habits({ maxFileBytes: 100_000, maxBytes: 150_000 })
    const first = await uploaded()
    const second = await uploaded()
    expect((await ask('GET', first)).status).toBe(404)
    expect((await ask('GET', second)).status).toBe(200)
  })

  it('refuses paths that lead nowhere, whose signature or hash is another, and other methods', async () => {
    const path = await uploaded()
    expect((await ask('GET', '/v/t62.7118-24/1_2_3_n.enc?oh=1')).status).toBe(404)
    expect((await ask('GET', path.replace('oh=01_', 'oh=01_A'))).status).toBe(404)
    expect((await ask('GET', `${path}&hash=${'A'.repeat(43)}`)).status).toBe(404)
    expect((await ask('DELETE', path)).status).toBe(405)
  })

  it('says that a path has expired, as it is told to', async () => {
    const path = await uploaded()
    expect(Number.parseInt(new URLSearchParams(path).get('oe') ?? '', 16)).toBe(nowMs / 1000 + 2_592_000)
    nowMs += 2_592_000_000
    expect((await ask('GET', path)).status).toBe(410)
    const other = await uploaded()
    expect(server.faults.media.expire(403)).toBe(1)
    expect((await ask('GET', other)).status).toBe(403)
    expect(faults()).toEqual(['1 media files have expired'])
  })

  it('gives back what it was brought, whole and in ranges', async () => {
    const answer = jsonOf(await upload({ auth: auth(), token: NAME }))
    expect(answer).toEqual({
      url: `https://${server.world.media.host}${answer['direct_path'] ?? ''}&mms3=true`,
      direct_path: expect.stringMatching(
        /^\/v\/t62\.7118-24\/\d{8}_\d{15}_\d{19}_n\.enc\?ccb=11-4&oh=01_[\w-]+&oe=[0-9A-F]{8}&_nc_sid=5e03e0$/,
      ) as string,
      handle: expect.any(String) as string,
    })
    const path = answer['direct_path'] ?? ''
    const whole = await ask('GET', `${path}&hash=${NAME}&mms-type=image&__wa-mms=`)
    expect(whole.status).toBe(200)
    expect(whole.body).toEqual(FILE)
    for (const [range, start, end] of [
      ['bytes=0-15', 0, 16],
      ['bytes=99000-', 99_000, 100_000],
      ['bytes=-10', 99_990, 100_000],
      ['bytes=99000-200000', 99_000, 100_000],
    ] as const) {
      const part = await ask('GET', path, { headers: { range } })
      expect(part.status).toBe(206)
      expect(part.body).toEqual(FILE.subarray(start, end))
      expect(part.headers['content-range']).toBe(`bytes ${String(start)}-${String(end - 1)}/100000`)
    }
    expect((await ask('GET', path, { headers: { range: 'bytes=100000-' } })).status).toBe(416)
  })

  it('goes on with an upload where it broke off', async () => {
    server.faults.media.next({ on: 'upload', fault: 'reset', afterBytes: 60_000 })
    const token = auth()
    await expect(upload({ auth: token, token: NAME })).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(jsonOf(await upload({ auth: token, token: NAME, resume: '1' }, new Uint8Array()))).toEqual({
      resume: '60000',
    })
    const rest = await upload({ auth: token, token: NAME, file_offset: '60000' }, FILE.subarray(60_000))
    expect(rest.status).toBe(200)
    const progress = jsonOf(await upload({ auth: token, token: NAME, resume: '1' }, new Uint8Array()))
    expect(progress).toMatchObject({ resume: 'complete', direct_path: jsonOf(rest)['direct_path'] })
    expect(faults()).toEqual([`POST /mms/image/${NAME} breaks behind 60000 bytes`])
  })

  it('answers with a planned status as often as it is told to', async () => {
    const path = await uploaded()
    server.faults.media.next({ on: 'download', fault: 'status', status: 503, retryAfterSeconds: 7, times: 2 })
    server.faults.media.next({ on: 'upload', fault: 'status', status: 401 })
    const refused = await ask('GET', path)
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBe('7')
    expect((await upload({ auth: auth(), token: NAME })).status).toBe(401)
    expect((await ask('GET', path)).status).toBe(503)
    expect((await ask('GET', path)).status).toBe(200)
    expect(faults()).toHaveLength(3)
  })

  it('breaks downloads in every way that it is told to', async () => {
    const path = await uploaded()
    server.faults.media.next({ on: 'download', fault: 'reset' })
    server.faults.media.next({ on: 'download', fault: 'truncate' })
    server.faults.media.next({ on: 'download', fault: 'wrong-bytes' })
    await expect(ask('GET', path)).rejects.toMatchObject({ code: 'ECONNRESET' })
    const short = await ask('GET', path)
    expect([short.status, short.body.length]).toEqual([200, 50_000])
    const wrong = await ask('GET', path)
    expect(wrong.body.filter((byte, index) => byte !== FILE[index])).toHaveLength(1)
    expect((await ask('GET', path)).body).toEqual(FILE)
    expect(faults().map((text) => text.split(' ').slice(2).join(' '))).toEqual([
      'breaks behind 50000 bytes',
      'ends behind 50000 of 100000 bytes',
      'has byte 50000 changed',
    ])
  })

  it('ends the tokens that it has given when it is told to', async () => {
    const token = auth()
    expect(server.faults.media.revokeAuth()).toBe(1)
    expect((await upload({ auth: token, token: NAME })).status).toBe(403)
    expect((await upload({ auth: auth(), token: NAME })).status).toBe(200)
  })

  it('never writes a token into the record', async () => {
    const token = auth()
    await upload({ auth: token, token: NAME })
    await upload({ auth: token, token: 'x' })
    expect(server.trace.print()).not.toContain(token)
  })
})
