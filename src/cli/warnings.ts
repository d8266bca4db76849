/**
 * Which of Node's warnings a user of the command sees: all but one. Node 22 calls its SQLite experimental whenever it is
 * loaded; that waton builds on it all the same was decided in docs/decisions/0006-sqlite-driver-and-writer.md, and who
 * runs a command can do nothing about it. A library may not change its host's warnings, so this is the command's alone.
 */

/** The part of `process` that is changed. */
export interface WarningSource {
  emitWarning: typeof process.emitWarning
}

/** Drops the notice that SQLite is experimental and passes everything else on as it came. */
export function hideSqliteNotice(source: WarningSource): void {
  const emit = source.emitWarning
  const filtered = (...values: readonly unknown[]): void => {
    if (!isSqliteNotice(values)) Reflect.apply(emit, source, values)
  }
  source.emitWarning = filtered
}

function isSqliteNotice([warning, type]: readonly unknown[]): boolean {
  return type === 'ExperimentalWarning' && typeof warning === 'string' && warning.startsWith('SQLite is ')
}
