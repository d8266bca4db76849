import { readFileSync } from 'node:fs'
import { Curve, proto } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHAIN_NOW_SECONDS,
  type ChainOverrides,
  issueChain,
  newServerKeys,
} from '../../../tests/vectors/noise/scripted-server.ts'
import { fromHex } from '../../base/bytes.ts'
import { CryptoError, ProtocolError } from '../../base/errors.ts'
import { type CertificateChain, checkCertificateChain, CLOCK_TOLERANCE_SECONDS } from './certificate.ts'

const keys = newServerKeys()
const trust = { serverStatic: keys.static.public, rootKey: keys.root.public, nowSeconds: CHAIN_NOW_SECONDS }

function check(overrides: ChainOverrides, nowSeconds: number = CHAIN_NOW_SECONDS): CertificateChain {
  return checkCertificateChain(issueChain(keys, overrides), { ...trust, nowSeconds })
}

/** The chain of the overrides with one protobuf edit made after signing. */
function edited(edit: (chain: proto.ICertChain) => void): Uint8Array {
  const chain = proto.CertChain.decode(issueChain(keys))
  edit(chain)
  return proto.CertChain.encode(chain).finish()
}

describe('a certificate chain', () => {
  const imposter = Curve.generateKeyPair()

  it.each<[string, ChainOverrides, string]>([
    ['an intermediate certificate signed by another root', { intermediateSigner: imposter }, 'SIGNATURE'],
    ['a leaf certificate signed by another intermediate key', { leafSigner: imposter }, 'SIGNATURE'],
    ['a leaf certificate signed by the root itself', { leafSigner: keys.root }, 'SIGNATURE'],
    ['an intermediate certificate of another root serial', { intermediate: { issuerSerial: 7 } }, 'ISSUER'],
    ['a leaf certificate of another intermediate serial', { leaf: { issuerSerial: 4 } }, 'ISSUER'],
    ['a leaf certificate about another key', { leaf: { key: imposter.public } }, 'KEY'],
    [
      'an intermediate certificate that has expired',
      { intermediate: { notAfter: CHAIN_NOW_SECONDS - CLOCK_TOLERANCE_SECONDS - 1 } },
      'VALIDITY',
    ],
    [
      'a leaf certificate that has expired',
      { leaf: { notAfter: CHAIN_NOW_SECONDS - CLOCK_TOLERANCE_SECONDS - 1 } },
      'VALIDITY',
    ],
    [
      'an intermediate certificate that is not valid yet',
      { intermediate: { notBefore: CHAIN_NOW_SECONDS + CLOCK_TOLERANCE_SECONDS + 1 } },
      'VALIDITY',
    ],
    [
      'a leaf certificate that is not valid yet',
      { leaf: { notBefore: CHAIN_NOW_SECONDS + CLOCK_TOLERANCE_SECONDS + 1 } },
      'VALIDITY',
    ],
  ])('refuses %s', (_name, overrides, problem) => {
    expect(() => check(overrides)).toThrow(CryptoError)
    expect(() => check(overrides)).toThrow(
      expect.objectContaining({ code: `WATON_NOISE_CERTIFICATE_${problem}` }),
    )
  })

  it('refuses a well-made chain under a root that is not the trusted one', () => {
    const bytes = issueChain(keys)
    const { serverStatic, nowSeconds } = trust
    expect(() => checkCertificateChain(bytes, { serverStatic, nowSeconds })).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_SIGNATURE' }),
    )
  })

  it.each<[string, (chain: proto.ICertChain) => void]>([
    [
      'altered intermediate details',
      ({ intermediate }) => {
        flipBit(intermediate?.details)
      },
    ],
    [
      'altered leaf details',
      ({ leaf }) => {
        flipBit(leaf?.details)
      },
    ],
    [
      'an altered intermediate signature',
      ({ intermediate }) => {
        flipBit(intermediate?.signature)
      },
    ],
    [
      'an altered leaf signature',
      ({ leaf }) => {
        flipBit(leaf?.signature)
      },
    ],
  ])('refuses %s', (_name, edit) => {
    expect(() => checkCertificateChain(edited(edit), trust)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_SIGNATURE' }),
    )
  })

  it.each<[string, (chain: proto.ICertChain) => void]>([
    ['no intermediate certificate', (chain) => void (chain.intermediate = null)],
    ['no leaf certificate', (chain) => void (chain.leaf = null)],
    ['no leaf details', ({ leaf }) => leaf && (leaf.details = null)],
    ['no intermediate signature', ({ intermediate }) => intermediate && (intermediate.signature = null)],
    ['a short signature', ({ leaf }) => leaf && (leaf.signature = new Uint8Array(63))],
  ])('refuses a chain with %s', (_name, edit) => {
    expect(() => checkCertificateChain(edited(edit), trust)).toThrow(ProtocolError)
  })

  it.each<[string, ChainOverrides]>([
    ['an intermediate key of 31 bytes', { intermediate: { key: new Uint8Array(31) } }],
    ['a leaf key of 33 bytes', { leaf: { key: new Uint8Array(33) } }],
  ])('refuses correctly signed details with %s', (_name, overrides) => {
    expect(() => check(overrides)).toThrow(
      expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_MALFORMED' }),
    )
  })

  it('refuses every truncation and any random bytes with an error of its own', () => {
    const whole = issueChain(keys)
    for (let length = 0; length < whole.length; length++) {
      expectRefusal(whole.subarray(0, length))
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), expectRefusal), { seed: 1, numRuns: 500 })
  })

  it('says by how much our clock is off, which may be what is wrong', () => {
    const late = CHAIN_NOW_SECONDS + 1000 + 12 * 86_400
    expect(() => check({}, late)).toThrow(
      /by the clock of this machine .* expired 12 days ago; set the clock/,
    )
    expect(() => check({}, late)).toThrow(expect.objectContaining({ retryable: true }))
  })

  it('is accepted from a day before the first second of its validity to a day after the last', () => {
    const margin = 100 + CLOCK_TOLERANCE_SECONDS
    check({}, CHAIN_NOW_SECONDS - margin)
    check({}, CHAIN_NOW_SECONDS + margin)
    expect(() => check({}, CHAIN_NOW_SECONDS - margin - 1)).toThrow(CryptoError)
    expect(() => check({}, CHAIN_NOW_SECONDS + margin + 1)).toThrow(CryptoError)
  })

  it('accepts another root with another serial when told to trust it', () => {
    const bytes = issueChain(keys, { intermediate: { issuerSerial: 7 } })
    const { intermediate, leaf } = checkCertificateChain(bytes, { ...trust, rootSerial: 7 })
    expect([intermediate.serial, leaf.serial]).toEqual([3, 329])
  })
})

describe("the real server's certificate chain", () => {
  const vectorUrl = new URL('../../../tests/vectors/noise/whatsapp-xx.json', import.meta.url)
  const vector = JSON.parse(readFileSync(vectorUrl, 'utf8')) as Record<
    'certificateChain' | 'serverStatic',
    string
  >
  const chain = fromHex(vector.certificateChain)
  const serverStatic = fromHex(vector.serverStatic)

  it('is refused more than a day after its end', () => {
    expect(() =>
      checkCertificateChain(chain, { serverStatic, nowSeconds: 1_753_736_401 + CLOCK_TOLERANCE_SECONDS }),
    ).toThrow(expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_VALIDITY' }))
  })

  it('is refused when somebody else replays it', () => {
    expect(() =>
      checkCertificateChain(chain, { serverStatic: keys.static.public, nowSeconds: 1_750_000_000 }),
    ).toThrow(expect.objectContaining({ code: 'WATON_NOISE_CERTIFICATE_KEY' }))
  })

  it('is accepted under the compiled-in root key', () => {
    const { intermediate, leaf } = checkCertificateChain(chain, { serverStatic, nowSeconds: 1_750_000_000 })
    expect(intermediate).toMatchObject({ serial: 3, issuerSerial: 0 })
    expect(leaf).toMatchObject({ serial: 329, issuerSerial: 3, key: serverStatic })
    expect([leaf.notBeforeSeconds, leaf.notAfterSeconds]).toEqual([1_742_850_000, 1_753_736_400])
  })
})

function flipBit(bytes: Uint8Array | null | undefined): void {
  if (bytes == null) return
  bytes[40] = (bytes[40] ?? 0) ^ 1
}

function expectRefusal(bytes: Uint8Array): void {
  let refusal: unknown
  try {
    checkCertificateChain(bytes, trust)
  } catch (error) {
    refusal = error
  }
  const isOurs = refusal instanceof ProtocolError || refusal instanceof CryptoError
  expect(isOurs, `refusal of ${bytes.length.toString()} bytes: ${String(refusal)}`).toBe(true)
}
