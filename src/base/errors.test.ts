/** Errors are a contract: what they say about trying again, what they let into a log, and that copies of the package agree. */
import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import * as errors from './errors.ts'
import type { ErrorAction } from './errors.ts'

const { ClosedError, ProtocolError, QueryError, StorageError, TimeoutError, UsageError, WatonError } = errors

/** `errors.ts` loaded a second time, as a package that is installed twice is. */
async function secondCopy(): Promise<typeof errors> {
  const source = readFileSync(new URL('errors.ts', import.meta.url), 'utf8')
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  })
  return (await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(outputText)}`
  )) as typeof errors
}

describe('an error as it is logged', () => {
  it('keeps nothing of a foreign cause but its name and system code', () => {
    const foreign = Object.assign(new Error('password=hunter2'), { code: 'ECONNREFUSED', token: 'hunter2' })
    const middle = new ProtocolError('WATON_NODE_MALFORMED', 'damaged', { cause: foreign })
    const error = new StorageError('WATON_STORE_READ', 'unreadable', {
      cause: middle,
      details: { path: 'a.db' },
    })
    expect(error.toJSON()).toEqual({
      name: 'StorageError',
      code: 'WATON_STORE_READ',
      message: 'unreadable',
      action: 'check-store',
      retryable: false,
      details: { path: 'a.db' },
      causes: [
        { name: 'ProtocolError', code: 'WATON_NODE_MALFORMED' },
        { name: 'Error', code: 'ECONNREFUSED' },
      ],
    })
    expect(JSON.stringify(error)).not.toContain('hunter2')
  })

  it('does not keep a code that is no system code', () => {
    const cause = Object.assign(new Error('x'), { code: 'my secret sentence' })
    expect(new WatonError('WATON_UNKNOWN', 'x', { cause }).toJSON().causes).toEqual([{ name: 'Error' }])
  })

  it('ends, also when a cause leads back to itself', () => {
    const cause = new Error('round and round')
    cause.cause = cause
    expect(new WatonError('WATON_UNKNOWN', 'x', { cause }).toJSON().causes.length).toBeLessThan(10)
  })
})

describe('what to do about an error', () => {
  it.each<[string, InstanceType<typeof WatonError>, ErrorAction, boolean]>([
    ['misuse', new UsageError('WATON_SEND_ID', ''), 'fix-call', false],
    ['a refusal', new QueryError('WATON_QUERY_REFUSED', ''), 'fix-call', false],
    ['a refusal for now', new QueryError('WATON_QUERY_REFUSED', '', { retryable: true }), 'retry', true],
    ['a deadline', new TimeoutError('WATON_QUERY_TIMEOUT', ''), 'retry', true],
    ['something closed', new ClosedError('WATON_CLIENT_CLOSED', ''), 'reopen', false],
    ['a lost connection', new ClosedError('WATON_TRANSPORT_CLOSED', '', { retryable: true }), 'wait', true],
    ['a bug', new WatonError('WATON_CLIENT_TRANSITION', ''), 'report', false],
    ['an explicit action', new UsageError('WATON_NOT_LINKED', '', { action: 'link' }), 'link', false],
  ])('follows from the class unless it is said: %s', (_what, error, action, retryable) => {
    expect({ action: error.action, retryable: error.retryable }).toEqual({ action, retryable })
    expect(errors.ERROR_ACTIONS[error.action]).toMatch(/\.$/)
  })
})

describe('telling errors apart', () => {
  it.each([
    undefined,
    null,
    'WATON_SEND_ID',
    {},
    { code: 'WATON_SEND_ID' },
    new Error('x'),
    Object.create(null),
  ])('does not take %o for one of ours', (value: unknown) => {
    expect(errors.isWatonError(value)).toBe(false)
    expect(errors.errorCode(value)).toBeUndefined()
    expect(errors.hasCode(value, 'WATON_SEND_ID')).toBe(false)
  })

  it('knows the errors of another copy of the package', async () => {
    const other = await secondCopy()
    const error: unknown = new other.StorageError('WATON_STORE_OWNED', 'held', { details: { owner: 'b' } })
    expect(error).not.toBeInstanceOf(WatonError)
    expect(errors.isWatonError(error)).toBe(true)
    expect(errors.errorCode(error)).toBe('WATON_STORE_OWNED')
    expect(errors.hasCode(error, 'WATON_STORE_OWNED')).toBe(true)
    expect(errors.describeError(error)).toBe('WATON_STORE_OWNED: held')
  })

  it('narrows to the codes that were asked for', () => {
    const error: unknown = new StorageError('WATON_STORE_OWNED', 'held')
    expect(errors.hasCode(error, 'WATON_STORE_BUSY')).toBe(false)
    expect(errors.hasCode(error, 'WATON_STORE_BUSY', 'WATON_STORE_OWNED')).toBe(true)
  })

  it('gives a text to anything that can be thrown', () => {
    expect(errors.describeError(Object.create(null))).toBe('a value without a text was thrown')
    expect(errors.describeError(Symbol('x'))).toBe('Symbol(x)')
    expect(errors.asError('plain text')).toMatchObject({ code: 'WATON_UNKNOWN', message: 'plain text' })
  })
})
