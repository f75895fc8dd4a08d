import type { Change } from "../store.ts";
import { jsonOf } from "./entries.ts";
import { COLUMNS, type Value } from "./record.ts";

/** How many rows a step of the sweep looks at: about a millisecond's work. */
export const BATCH = 100;

/** Each takes a database from the version before to the next. One that was released is never edited. */
export const MIGRATIONS: readonly string[] = [
  // `entries` come last: long ones spill to pages of their own, which a look at the other columns needn't read.
  // `sweep_at` is when the sweep looks at the row, at the latest when it expires: an update that extends its life needn't touch the
  // index, which halves the cost of an update.
  `CREATE TABLE holdfast_sessions (
    handle TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    previous_hash TEXT,
    grace_until INTEGER,
    user_id TEXT,
    created_at INTEGER NOT NULL,
    authenticated_at INTEGER,
    touched_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sweep_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    entries TEXT NOT NULL
  ) STRICT;
  CREATE INDEX holdfast_sessions_user ON holdfast_sessions (user_id) WHERE user_id IS NOT NULL;
  CREATE INDEX holdfast_sessions_sweep ON holdfast_sessions (sweep_at)`,
];

/** A live record, opened with its secret or with the previous one in its grace, at the version asked for. */
const GUARD = `handle = ? AND expires_at > ?
  AND ? IN (secret_hash, CASE WHEN grace_until > ? THEN previous_hash END) AND version = coalesce(?, version)`;

const USE =
  "entries = coalesce(json_patch(entries, ?), entries), touched_at = ?, expires_at = ?, version = version + 1";

const DUE = `rowid IN (SELECT rowid FROM holdfast_sessions WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ${BATCH})`;

// What has RETURNING is run by `all`: `get` would stop before the commit, and node:sqlite reports no error that comes after.
export const SQL = {
  read: `SELECT ${COLUMNS} FROM holdfast_sessions WHERE handle = ? AND expires_at > ?`,
  create: `INSERT INTO holdfast_sessions (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  use: `UPDATE holdfast_sessions SET ${USE} WHERE ${GUARD} AND sweep_at <= ? RETURNING version`,
  rewrite: `UPDATE holdfast_sessions SET sweep_at = ?, user_id = coalesce(?, user_id),
    authenticated_at = coalesce(?, authenticated_at), previous_hash = iif(? IS NULL, previous_hash, secret_hash),
    secret_hash = coalesce(?, secret_hash), grace_until = coalesce(?, grace_until), ${USE} WHERE ${GUARD} RETURNING version`,
  admits: `SELECT version FROM holdfast_sessions WHERE ${GUARD}`,
  delete: "DELETE FROM holdfast_sessions WHERE handle = ? RETURNING expires_at",
  indexes: "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'holdfast_sessions'",
  sweep: `DELETE FROM holdfast_sessions WHERE expires_at <= ? AND ${DUE}`,
  postpone: `UPDATE holdfast_sessions SET sweep_at = expires_at WHERE expires_at > ? AND ${DUE}`,
  list: `SELECT ${COLUMNS} FROM holdfast_sessions WHERE user_id = ? AND expires_at > ? ORDER BY touched_at DESC`,
  deleteAll: "DELETE FROM holdfast_sessions WHERE user_id = ? AND handle IS NOT ? RETURNING handle, expires_at",
};

/** Whether `use` may do: the change is of nothing but entries and times. It leaves the indexes alone, but finds no row where the life gets shorter than they know. */
export function isUse({ rotate, userId, authenticatedAt }: Change): boolean {
  return !rotate && userId === undefined && authenticatedAt === undefined;
}

/** A change as the first values of `use`; those of the guard follow, and the expiry. */
export function using({ set, remove, touchedAt, expiresAt }: Change): [Value, number, number] {
  return [set?.size || remove?.length ? jsonOf(set ?? [], remove) : null, touchedAt, expiresAt];
}

/** A change as the first values of `rewrite`; those of the guard follow. */
export function rewriting(change: Change): Value[] {
  const { rotate, userId = null, authenticatedAt = null, expiresAt } = change;
  const hash = rotate?.secretHash ?? null;
  return [expiresAt, userId, authenticatedAt, hash, hash, rotate?.graceUntil ?? null, ...using(change)];
}
