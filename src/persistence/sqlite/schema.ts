/**
 * The tables of a waton store file and the marks that tell it from any other SQLite file. The account is the first
 * column of every key; nothing is indexed that is not read.
 *
 * Small rows live in their key's tree (`WITHOUT ROWID`). Rows with a value of any size do not: such a tree moves
 * everything beyond a quarter page to overflow pages, which made a commit of usual sessions and messages a third
 * dearer (docs/decisions/0006-sqlite-driver-and-writer.md).
 *
 * @source https://www.sqlite.org/fileformat2.html, section 1.3 (application id, user version)
 */

/** `watn` in ASCII, at offset 68 of the file. */
export const APPLICATION_ID = 0x7761746e

/** What this version of waton writes, at offset 60 of the file: the number of entries in {@link MIGRATIONS}. */
export const SCHEMA_VERSION = 1

/** Entry n turns a file of version n into version n + 1. Entries are never changed once they were released. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE waton_ownership (
    account TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    owner TEXT,                 -- NULL when nobody holds the account
    machine TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE waton_records (
    account TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
    at INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (account, kind, key)
  );

  CREATE TABLE waton_messages (
    account TEXT NOT NULL, chat TEXT NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
    at INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (account, chat, sender, id)
  );

  CREATE TABLE waton_events (
    account TEXT NOT NULL, seq INTEGER NOT NULL,
    type TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, chat TEXT NOT NULL,
    message_chat TEXT, message_sender TEXT, message_id TEXT, value BLOB NOT NULL,
    PRIMARY KEY (account, seq)
  ) WITHOUT ROWID;

  CREATE TABLE waton_outbox (
    account TEXT NOT NULL, id TEXT NOT NULL,
    chat TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (account, id)
  );
  CREATE INDEX waton_outbox_order ON waton_outbox (account, position, id);

  CREATE TABLE waton_recognised (
    account TEXT NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (account, hash)
  ) WITHOUT ROWID;
  CREATE INDEX waton_recognised_age ON waton_recognised (account, at);
  `,
]
