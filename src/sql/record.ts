import { HoldfastError } from "../errors.ts";
import type { ListedRecord, SessionRecord } from "../store.ts";
import { type Encoding, entriesOf, jsonOf, PLAIN } from "./entries.ts";

/**
 * The columns of a table of sessions, in the order of {@link rowOf} and {@link recordOf}. `sweep_at` is when the sweep looks at the row, at
 * the latest when it expires: an update that extends its life needn't touch the index, which makes updates about twice as fast.
 */
export const COLUMNS =
  "handle, secret_hash, previous_hash, grace_until, user_id, created_at, authenticated_at, touched_at, expires_at, sweep_at, version, entries";

export type Value = string | number | null;

export function rowOf(handle: string, record: SessionRecord, encoding: Encoding = PLAIN): Value[] {
  const { secretHash, previousHash = null, graceUntil = null, userId, authenticatedAt = null } = record;
  const { createdAt, touchedAt, expiresAt, version, entries } = record;
  const secrets = [secretHash, previousHash, graceUntil];
  const user = userId === undefined ? null : encoding.encode(userId);
  const times = [createdAt, authenticatedAt, touchedAt, expiresAt, expiresAt];
  return [handle, ...secrets, user, ...times, version, jsonOf(entries, [], encoding)];
}

/** Of a row's values. Some drivers give large numbers as text. */
export function recordOf(row: readonly unknown[], encoding: Encoding = PLAIN): SessionRecord {
  const [handle, secretHash, previousHash, graceUntil, userId, ...rest] = row;
  const [createdAt, authenticatedAt, touchedAt, expiresAt, _sweepAt, version, entries] = rest;
  const record: { -readonly [Field in keyof SessionRecord]: SessionRecord[Field] } = {
    secretHash: secretHash as string,
    entries: readEntries(handle as string, entries as string, encoding),
    createdAt: Number(createdAt),
    touchedAt: Number(touchedAt),
    expiresAt: Number(expiresAt),
    version: Number(version),
  };
  if (previousHash !== null) record.previousHash = previousHash as string;
  if (graceUntil !== null) record.graceUntil = Number(graceUntil);
  if (userId !== null) record.userId = encoding.decode(userId as string);
  if (authenticatedAt !== null) record.authenticatedAt = Number(authenticatedAt);
  return record;
}

/** Of the rows of a user's sessions. One that is damaged opens for nobody, so it is no session of theirs, and hides none of the others. */
export function listOf(rows: readonly (readonly unknown[])[], encoding: Encoding = PLAIN): ListedRecord[] {
  return rows.flatMap((row) => {
    try {
      return [{ handle: row[0] as string, record: recordOf(row, encoding) }];
    } catch {
      return [];
    }
  });
}

function readEntries(handle: string, json: string, encoding: Encoding): Map<string, string> {
  try {
    return entriesOf(json, encoding);
  } catch {
    // Without the cause: its message quotes the text.
    throw new HoldfastError("record-corrupt", `The entries of record ${handle} are damaged. Delete it.`, { handle });
  }
}
