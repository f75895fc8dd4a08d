import { HoldfastError } from "../errors.ts";
import type { SessionRecord } from "../store.ts";

/**
 * A record is one string: its fields, then a name and a text for each entry, all ended by NUL. That is half the memory of a hash with a field for each,
 * and one GET, whose reply every client and both protocols give in the same shape. NULs within are escaped, so that a
 * script may cut the string without looking into it.
 */
export function encode(record: SessionRecord, commit: string): string {
  const { secretHash, previousHash = "", graceUntil = "", userId, createdAt, authenticatedAt = "" } = record;
  const { touchedAt, expiresAt, version, entries } = record;
  const secrets = [secretHash, previousHash, graceUntil];
  const times = [createdAt, authenticatedAt, touchedAt, expiresAt];
  const parts: unknown[] = [FORMAT, version, commit, ...secrets, encodeUser(userId), ...times];
  for (const [name, text] of entries) parts.push(escapeNul(name), escapeNul(text));
  return `${parts.join("\0")}\0`;
}

/** Throws `record-corrupt`. */
export function decode(handle: string, value: string): SessionRecord {
  const parts = value.split("\0");
  // The last NUL leaves an empty part behind.
  if (parts[0] !== FORMAT || parts.length % 2 !== 0 || parts.length <= FIELDS) throw corrupt(handle);
  const fields = parts as unknown as Fields;
  const [, version, , secretHash, previousHash, graceUntil, user, createdAt, authenticatedAt, touchedAt, expiresAt] =
    fields;
  const entries = new Map<string, string>();
  const plain = !value.includes(ESCAPE);
  for (let i = FIELDS; i + 1 < parts.length; i += 2) {
    const [name, text] = [parts[i]!, parts[i + 1]!];
    if (plain) entries.set(name, text);
    else entries.set(unescapeNul(name), unescapeNul(text));
  }
  const record: { -readonly [Field in keyof SessionRecord]: SessionRecord[Field] } = {
    secretHash,
    entries,
    createdAt: Number(createdAt),
    touchedAt: Number(touchedAt),
    expiresAt: Number(expiresAt),
    version: Number(version),
  };
  if (previousHash !== "") record.previousHash = previousHash;
  if (graceUntil !== "") record.graceUntil = Number(graceUntil);
  if (user !== "") record.userId = decodeUser(user);
  if (authenticatedAt !== "") record.authenticatedAt = Number(authenticatedAt);
  // A piece that got lost moves the fields: then a number isn't one.
  const { graceUntil: grace = 0, authenticatedAt: login = 0 } = record;
  if (!(record.version >= 1 && record.createdAt + record.touchedAt + record.expiresAt + grace + login >= 0))
    throw corrupt(handle);
  return record;
}

export const corrupt = (handle: string): HoldfastError =>
  new HoldfastError("record-corrupt", `Record ${handle} is damaged, or a later release wrote it. Delete it.`, {
    handle,
  });

/** Any text is a user id, the empty one too. */
export const encodeUser = (userId: string | undefined): string => (userId === undefined ? "" : `u${escapeNul(userId)}`);
export const decodeUser = (user: string): string => unescapeNul(user.slice(1));

export const escapeNul = (text: string): string =>
  text.includes("\0") || text.includes(ESCAPE)
    ? text.replaceAll(ESCAPE, `${ESCAPE}1`).replaceAll("\0", `${ESCAPE}0`)
    : text;
const unescapeNul = (text: string): string => text.replaceAll(`${ESCAPE}0`, "\0").replaceAll(`${ESCAPE}1`, ESCAPE);

/** The first field. A later release that changes the others writes another one. */
export const FORMAT = "1";
const ESCAPE = "\u0001";

/** In the order that the scripts count on. One that has no value is empty. */
type Fields = readonly [
  format: string,
  version: string,
  commits: string,
  secretHash: string,
  previousHash: string,
  graceUntil: string,
  user: string,
  createdAt: string,
  authenticatedAt: string,
  touchedAt: string,
  expiresAt: string,
];
const FIELDS = 11 satisfies Fields["length"];
