import type { EntryChanges } from "../core/data.ts";
import { HoldfastError } from "../errors.ts";
import type { SessionRecord } from "../store.ts";
import type { Cookie } from "./cookie.ts";
import type { SessionData } from "./session.ts";

/** The entry that keeps `session.cookie`. */
const COOKIE = "~cookie";

/**
 * Every property of the session as an entry: its name, and its text as JSON has it. Throws what JSON.stringify throws.
 *
 * Names that begin with "~" are holdfast's own, and none may be ill-formed: such a property's entry is its name as JSON, behind a "~".
 */
export function toEntries(session: SessionData): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [name, value] of Object.entries(session)) {
    const text = name === "cookie" ? cookieText(value) : JSON.stringify(value);
    if (text !== undefined) entries.set(entryName(name), text);
  }
  return entries;
}

function entryName(property: string): string {
  if (property === "cookie") return COOKIE;
  return property.startsWith("~") || !property.isWellFormed() ? `~${JSON.stringify(property)}` : property;
}

/** The property that the entry is, or undefined: the other API's own entries are none, and `cookie` is express-session's. */
function propertyName(entry: string): string | undefined {
  if (entry === COOKIE) return "cookie";
  if (entry.startsWith('~"')) return JSON.parse(entry.slice(1));
  return entry.startsWith("~") || entry === "cookie" ? undefined : entry;
}

/** Where the cookie has a `maxAge`, its `expires` is the record's own, and moves with it. */
function cookieText(cookie: Cookie): string {
  const { expires, ...fields } = typeof cookie.toJSON === "function" ? cookie.toJSON() : cookie;
  return JSON.stringify(typeof fields.originalMaxAge === "number" ? fields : { ...fields, expires });
}

/** Of a record that the native API began, which keeps no cookie with it. */
const NO_COOKIE = '{"originalMaxAge":null,"httpOnly":true,"path":"/","expires":null}';

/** The session as express-session's stores answer it. Throws `record-corrupt` where an entry is not JSON. */
export function toSession({ entries, expiresAt }: SessionRecord, handle: string): SessionData {
  const cookie = parse("cookie", entries.get(COOKIE) ?? NO_COOKIE, handle) as Cookie;
  if (typeof cookie.originalMaxAge === "number") cookie.expires = new Date(expiresAt);
  const properties: [string, unknown][] = [["cookie", cookie]];
  for (const [entry, text] of entries) {
    const name = propertyName(entry);
    if (name !== undefined && name !== "cookie") properties.push([name, parse(name, text, handle)]);
  }
  // It defines properties, and sets none: `__proto__` is a name like any other.
  return Object.fromEntries(properties) as unknown as SessionData;
}

function parse(property: string, text: string, handle: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError(
      "record-corrupt",
      `The session's entry ${JSON.stringify(property)} is not JSON, as express-session needs it. Does another app write to this store, with a serializer of its own?`,
      { handle },
      { cause },
    );
  }
}

/** The entries that are properties; of these, the ones that this session object has taken, and could therefore change or remove. */
export function ownEntries(entries: ReadonlyMap<string, string>, session?: object): Map<string, string> {
  const own = new Map<string, string>();
  for (const [entry, text] of entries) {
    const name = propertyName(entry);
    if (name === undefined) continue;
    if (!session || Object.prototype.propertyIsEnumerable.call(session, name)) own.set(entry, text);
  }
  return own;
}

export const keepsCookie = (entries: ReadonlyMap<string, string>): boolean => entries.has(COOKIE);

/** What leads from the one to the other. */
export function difference(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): EntryChanges {
  const set = new Map<string, string>();
  for (const [name, text] of now) if (text !== before.get(name)) set.set(name, text);
  return { set, remove: [...before.keys()].filter((name) => !now.has(name)) };
}

/** Whether the app changed something: the cookie's own fields move with each request. */
export function isAppsChange({ set, remove }: EntryChanges): boolean {
  return remove.length > 0 || set.size > (set.has(COOKIE) ? 1 : 0);
}
