import { expect, test } from 'vitest'
import { redacted } from './logger.ts'
import type { Logger } from './logger.ts'

function broken(): never {
  throw new Error('the worker has exited')
}

test('a logger that throws breaks nothing but its own lines', () => {
  const logger: Logger = {
    ...{ trace: broken, debug: broken, info: broken, warn: broken, error: broken },
    child: broken,
    isLevelEnabled: broken,
  }
  const safe = redacted(logger)
  for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const)
    expect(() => {
      safe.child({ account: 'a' })[level]({}, 'a line')
    }).not.toThrow()
  expect(safe.isLevelEnabled?.('debug')).toBe(true)
})

test('fields that cannot be read do not reach the caller either', () => {
  const lines: string[] = []
  const keep = (_fields: object, message: string): void => {
    lines.push(message)
  }
  const logger: Logger = {
    ...{ trace: keep, debug: keep, info: keep, warn: keep, error: keep },
    child: () => logger,
  }
  const fields = Object.defineProperty({}, 'state', { enumerable: true, get: broken })
  redacted(logger).info(fields, 'lost')
  redacted(logger).info({}, 'kept')
  expect(lines).toEqual(['kept'])
})
