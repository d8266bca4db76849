import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { createServerIdentity } from './certificate.ts'

const SERIAL = seededRandom('serial of a certificate').bytes(16)

/** What a client that trusts `ca` says of a server with this identity: `undefined` when it is content. */
async function verdict(ca: string, servername: string): Promise<string | undefined> {
  const server = createServer({ cert: IDENTITY.certificate, key: IDENTITY.privateKey })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername, ca })
    socket.on('secureConnect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code)
    })
  })
}

const IDENTITY = createServerIdentity(SERIAL)

describe('the certificate of the media server', () => {
  it('is refused for another name, and by whoever trusts another certificate', async () => {
    expect(await verdict(IDENTITY.certificate, 'mmg.whatsapp.net')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    const other = createServerIdentity(seededRandom('another').bytes(16)).certificate
    expect(await verdict(other, 'localhost')).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  it('is what Node reads in it', () => {
    const read = new X509Certificate(IDENTITY.certificate)
    expect(read.subject).toBe('CN=waton simulator')
    expect(read.issuer).toBe(read.subject)
    expect(read.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1')
    expect(read.ca).toBe(true)
    expect(read.verify(read.publicKey)).toBe(true)
    expect(read.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    expect(new Date(read.validFrom).getUTCFullYear()).toBe(2000)
    expect(new Date(read.validTo).getUTCFullYear()).toBe(9999)
    expect(read.serialNumber.length).toBe(32)
  })

  it('is trusted by whoever is given it', async () => {
    expect(await verdict(IDENTITY.certificate, 'localhost')).toBeUndefined()
    // the empty name: a client that goes by the address sends none
    expect(await verdict(IDENTITY.certificate, '')).toBeUndefined()
  })

  it('has another key each time', () => {
    const again = createServerIdentity(SERIAL)
    expect(again.privateKey).not.toBe(IDENTITY.privateKey)
  })

  it('holds a serial number that is positive and short, whatever the bytes', () => {
    for (const first of [0x00, 0x7f, 0x80, 0xff]) {
      const { certificate } = createServerIdentity(new Uint8Array(16).fill(first))
      expect(new X509Certificate(certificate).serialNumber).not.toMatch(/^(?:-|00)/)
    }
  })

  it.skipIf(!hasOpenssl())('is read and verified by openssl', () => {
    const text = execFileSync('openssl', ['x509', '-noout', '-text'], {
      input: IDENTITY.certificate,
    }).toString()
    expect(text).toContain('DNS:localhost, IP Address:127.0.0.1')
    expect(text).toContain('CA:TRUE')
    expect(text).toContain('ecdsa-with-SHA256')
  })
})

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
}
