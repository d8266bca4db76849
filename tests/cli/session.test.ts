import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Command, run } from './run.ts'

const ENDPOINT = ['--endpoint', 'waton-endpoint.json']

let folder = ''
let server: Command

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waton-cli-'))
  server = new Command(['simulate', '--seed', '1'], folder)
  await server.printed(/Type a message/)
})

afterEach(async () => {
  server.endInput()
  const { code, stderr } = await server.ended
  await rm(folder, { recursive: true, force: true })
  expect(stderr).toBe('')
  expect(code).toBe(0)
})

/** Links an account to `waton.db` with the phone that has the keyboard. */
async function pair(...options: readonly string[]): Promise<string> {
  const pairing = new Command(['pair', ...ENDPOINT, ...options], folder)
  const [, line = ''] = await pairing.printed(/type there: (\/link \S+)\n/)
  server.type(line)
  const { code, stdout } = await pairing.ended
  expect(code).toBe(0)
  return stdout
}

describe('the commands together', () => {
  it('refuse a second process on one account, and say who has it', async () => {
    await pair()
    const chat = new Command(['chat', ...ENDPOINT], folder)
    await chat.printed(/Connected as/)
    const second = await run(['chat', ...ENDPOINT], folder)
    expect(second.stderr).toMatch(/WATON_STORE_OWNED/)
    expect(second.code).toBe(1)
    chat.kill('SIGTERM')
    expect((await chat.ended).code).toBe(130)
  })

  it('link an account, into a file that only its owner can read', async () => {
    expect(await pair()).toMatch(/Linked: .*\+15550000001/)
    const { mode } = await stat(join(folder, 'waton.db'))
    expect(mode & 0o077).toBe(0)
  })

  it('link an account by a code that is typed in on the phone', async () => {
    const pairing = new Command(['pair', '--phone', '+1 (555) 000-0001', ...ENDPOINT], folder)
    const [, code = ''] = await pairing.printed(/\+15550000001: (\w{4}-\w{4})\n/)
    server.type('/link 1111-1111')
    await server.printed(/WATON_PHONE_LINK_CODE_WRONG/)
    server.type(`/link ${code}`)
    const { code: exitCode, stdout } = await pairing.ended
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/Linked: .*\+15550000001/)
    expect(stdout).not.toMatch(/scan/)
  })

  it('tell other processes where media is and which certificate to trust there', async () => {
    const text = await readFile(join(folder, 'waton-endpoint.json'), 'utf8')
    const { mediaHost, mediaCertificate } = JSON.parse(text) as Readonly<Record<string, string>>
    const status = await new Promise((resolve, reject) => {
      get(`https://${mediaHost ?? ''}/v/nothing`, { ca: mediaCertificate, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })
    expect(status).toBe(404)
  })

  it('say why no code can be had for a number without account', async () => {
    const { code, stderr } = await run(['pair', '--phone', '15559999999', ...ENDPOINT], folder)
    expect(stderr).toMatch(/WATON_PAIRING_CODE_REFUSED/)
    expect(code).toBe(1)
  })

  it('copy a store, also while another process has it, and never over a file', async () => {
    const missing = await run(['backup', 'copy.db', '--store', 'typo.db'], folder)
    expect(missing.stderr).toMatch(/WATON_CLI_NO_STORE/)
    expect(existsSync(join(folder, 'typo.db'))).toBe(false)
    await pair()
    const chat = new Command(['chat', ...ENDPOINT], folder)
    await chat.printed(/Connected as/)
    const { code, stdout } = await run(['backup', 'copy.db'], folder)
    expect([code, stdout]).toEqual([0, 'Copied waton.db to copy.db.\n'])
    const again = await run(['backup', 'copy.db'], folder)
    expect(again.code).toBe(1)
    expect(again.stderr).toMatch(/--overwrite \(WATON_BACKUP_EXISTS\)/)
    expect((await run(['backup', 'copy.db', '--overwrite'], folder)).code).toBe(0)
    chat.kill('SIGTERM')
    await chat.ended
  })

  it('say that there is no connection, and go on trying', async () => {
    const nobody = { url: 'ws://127.0.0.1:9/ws/chat', rootKey: '0'.repeat(64), rootSerial: 0 }
    await writeFile(join(folder, 'nobody.json'), JSON.stringify(nobody))
    const pairing = new Command(['pair', '--endpoint', 'nobody.json'], folder)
    await pairing.printed(/Not connected: connection-lost\. [\s\S]*Not connected/)
    pairing.kill('SIGTERM')
    expect((await pairing.ended).code).toBe(130)
  })

  it('log an account out, and link it anew', async () => {
    const nothing = await run(['logout', ...ENDPOINT], folder)
    expect(nothing.stderr).toMatch(/WATON_CLI_NOT_LINKED/)
    expect(nothing.code).toBe(1)
    await pair()
    const { code, stdout, stderr } = await run(['logout', ...ENDPOINT], folder)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/Logged out: .*\+15550000001/)
    expect(await pair()).toMatch(/Linked: /)
  })

  it('say that a device was removed, and link its store anew', { timeout: 120_000 }, async () => {
    await pair()
    // what was written last is in the log beside the file, where the driver leaves one
    for (const suffix of ['', '-wal'])
      if (existsSync(join(folder, `waton.db${suffix}`)))
        await copyFile(join(folder, `waton.db${suffix}`), join(folder, `removed.db${suffix}`))
    expect((await run(['logout', ...ENDPOINT], folder)).code).toBe(0)
    const store = ['--store', 'removed.db']
    const chat = await run(['chat', ...ENDPOINT, ...store], folder)
    expect(chat.code).toBe(1)
    expect(chat.stderr).toMatch(/WATON_CLIENT_CLOSED[\s\S]*reason: logged-out[\s\S]*Link the account/)
    expect(await pair(...store)).toMatch(/has removed the device[\s\S]*Linked: /)
  })

  it('send what is piped in, and end when the server has it', async () => {
    await pair()
    const { code, stderr } = await run(['chat', '+1 (555) 000-0002', ...ENDPOINT], folder, 'first\n\nsecond')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    await server.printed(/Bob sees 15550000001: first\n[\s\S]*Bob sees 15550000001: second\n/)
  })

  it('print what comes in, also what came while nobody looked', async () => {
    await pair()
    const first = new Command(['chat', ...ENDPOINT], folder)
    await first.printed(/Connected as/)
    first.kill('SIGTERM')
    await first.ended
    server.type('/as Bob')
    server.type('/to 15550000001')
    server.type('while you were away')
    await server.printed(/Alice sees 15550000002: while you were away/)
    const second = new Command(['chat', ...ENDPOINT], folder)
    await second.printed(/Bob: while you were away\n/)
    server.type('and now')
    await second.printed(/Bob: and now\n/)
    second.kill('SIGTERM')
    await second.ended
  })
})
