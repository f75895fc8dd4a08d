/** How a database that can't hold every text keeps one; the others keep it as it is. */
export interface Encoding {
  encode(text: string): string;
  decode(text: string): string;
}

const same = (text: string): string => text;
export const PLAIN: Encoding = { encode: same, decode: same };

/** Entries as an object's JSON text. With names to remove it is a merge patch (RFC 7396), which the database applies. */
export function jsonOf(
  set: Iterable<readonly [string, string]>,
  remove: readonly string[] = [],
  { encode }: Encoding = PLAIN,
): string {
  const members = Object.create(null) as Record<string, string | null>;
  for (const name of remove) members[keyOf(name)] = null;
  for (const [name, text] of set) members[keyOf(name)] = encode(text);
  return JSON.stringify(members);
}

export function entriesOf(json: string, { decode }: Encoding = PLAIN): Map<string, string> {
  const texts = new Map<string, string>();
  const members: unknown = JSON.parse(json);
  if (typeof members !== "object" || members === null || Array.isArray(members)) throw new TypeError("not entries");
  for (const [key, text] of Object.entries(members)) {
    if (typeof text !== "string") throw new TypeError("not the text of an entry");
    texts.set(nameOfKey(key), decode(text));
  }
  return texts;
}

/**
 * A name as a key that JSON needn't escape: SQLite takes keys to be the same that are so up to a NUL, PostgreSQL refuses one, and V8
 * takes one escaped key for another (nodejs/node#63785).
 */
const keyOf = (name: string): string => name.replace(/[%"\\\p{Cc}\p{Cs}]/gu, (unit) => `%${hex(unit)}`);
const hex = (unit: string): string => unit.charCodeAt(0).toString(16).padStart(4, "0");
const nameOfKey = (key: string): string =>
  key.replace(/%(....)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
