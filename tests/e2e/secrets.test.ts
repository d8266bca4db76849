/** Nothing that a client logs, at any level, holds a key, a token, a QR code or what people wrote. */
import { expect, test } from 'vitest'
import { MemoryStore } from 'waton'
import type { Logger, LogFields } from 'waton'
import { toBase64, toHex } from '../../src/base/bytes.ts'
import { CREDENTIALS, SELF, SIGNED_PRE_KEY } from '../../src/client/state/records.ts'
import { until } from '../helpers/until.ts'
import { addPair, linkedClient, startWorld } from '../helpers/world.ts'

/** Keeps every line as text, bytes included in every form in which they could have been written. */
function recordingLogger(lines: string[], bound: LogFields = {}): Logger {
  const write =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      const seen = JSON.stringify({ level, message, ...bound, ...fields }, (_name, value: unknown) =>
        value instanceof Uint8Array ? `${toHex(value)} ${toBase64(value)}` : value,
      )
      lines.push(seen)
    }
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  }
}

test('pairing, logging in and a conversation leave no secret in the log', async () => {
  const simulator = await startWorld(31)
  const { alice, bob } = await addPair(simulator)
  const lines: string[] = []
  const qrs: string[] = []
  const store = new MemoryStore()
  const client = await linkedClient(simulator, alice, { store, logger: recordingLogger(lines) }, (qr) =>
    qrs.push(qr),
  )
  const sent = await client.send('15550000002@s.whatsapp.net', { text: 'a private question' })
  await sent.delivered
  const reply = await bob.send('15550000001@s.whatsapp.net', { text: 'a private answer' })
  await until('the answer to be confirmed', () => bob.receiptsFor(reply.id).delivered)

  const credentials = CREDENTIALS.decode(
    (await store.readRecord('default', 'credentials', SELF)) ?? new Uint8Array(),
  )
  const signed = SIGNED_PRE_KEY.decode(
    (await store.readRecord('default', 'signed-pre-key', '1')) ?? new Uint8Array(),
  )
  const secrets = [
    credentials.noiseKey.privateKey,
    credentials.identityKey.privateKey,
    credentials.advSecret,
    signed.keyPair.privateKey,
  ].flatMap((bytes) => [toHex(bytes), toBase64(bytes)])
  secrets.push('a private question', 'a private answer', ...qrs)

  const log = lines.join('\n')
  expect(qrs).toHaveLength(1)
  expect(log).toContain('client state changed')
  // the stanzas themselves are in the trace, by their shape
  expect(log).toContain('<message')
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([])
})
