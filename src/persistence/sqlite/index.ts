/** `waton/sqlite`: a durable store in one SQLite file. */
export { openSqlite } from './open.ts'
export type { SqliteOptions } from './open.ts'
export type { SqliteStore } from './store.ts'
export type { Durability, FileFacts } from './writer-file.ts'
