/**
 * The logger shape that waton writes to: pino's, so a pino instance fits as it is. Messages are static lower-case
 * sentences; everything that varies is a field. `redacted` is put around whatever the user passes, so that no key or
 * message body can reach a log by accident (rule: secrets never leave the process).
 */

/** Fields of one log line. */
export type LogFields = Readonly<Record<string, unknown>>

/** What waton needs of a logger. A pino instance satisfies it. */
export interface Logger {
  /** One line per message. */
  trace(fields: LogFields, message: string): void
  /** One line per operation. */
  debug(fields: LogFields, message: string): void
  /** The life of a client: once per change. */
  info(fields: LogFields, message: string): void
  /** Something is degraded and was handled. */
  warn(fields: LogFields, message: string): void
  /** Somebody has to act. */
  error(fields: LogFields, message: string): void
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger
  /** Whether lines of a level are written at all; saves the work of describing what nobody reads. */
  isLevelEnabled?(level: string): boolean
}

/** Drops everything. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
  isLevelEnabled: () => false,
}

const SECRET_FIELD =
  /(key|secret|token|password|private|plaintext|body|text|content|payload|seed|\bqr\b|ref)$/i

function redactValue(name: string, value: unknown, depth: number): unknown {
  if (value instanceof Uint8Array) return `<${String(value.length)} bytes>`
  if (typeof value === 'string' && SECRET_FIELD.test(name)) return '<redacted>'
  if (value instanceof Error)
    return { name: value.name, message: value.message, code: (value as { code?: unknown }).code }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= 3) return '<object>'
  if (Array.isArray(value)) return value.slice(0, 32).map((item) => redactValue(name, item, depth + 1))
  return redactFields(value as LogFields, depth + 1)
}

function redactFields(fields: LogFields, depth = 0): LogFields {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) clean[name] = redactValue(name, value, depth)
  return clean
}

/**
 * Wraps a logger so that byte arrays and secret-looking fields are replaced before they reach it. A logger that fails, e.g.
 * because its own thread has ended, loses its lines and breaks nothing else.
 */
export function redacted(logger: Logger): Logger {
  if (logger === silentLogger) return logger
  const write =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, message: string): void => {
      attempt(() => {
        logger[level](redactFields(fields), message)
      })
    }
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => redacted(attempt(() => logger.child(redactFields(fields))) ?? logger),
    isLevelEnabled: (level) => attempt(() => logger.isLevelEnabled?.(level)) ?? true,
  }
}

function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch {
    // there is nobody to tell: this is where failures are told
    return undefined
  }
}
