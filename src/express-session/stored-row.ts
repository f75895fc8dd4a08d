import { HoldfastError } from "../errors.ts";
import type { SessionRecord } from "../store.ts";
import { Cookie } from "./cookie.ts";
import type { Trail } from "./recent-writes.ts";

const OWN = "holdfast";

/** A row as express-session's stores keep it: what they read of it is `cookie`, and the record's own fields are in one property more. */
export interface StoredRow {
  readonly cookie: Cookie;
  readonly [OWN]: OwnFields;
  readonly [entry: string]: unknown;
}

interface OwnFields extends Omit<SessionRecord, "entries"> {
  /** Texts of entries that are no properties: see {@link toRow}. */
  readonly texts: readonly (readonly [name: string, text: string])[];
  readonly trail: Trail;
}

/**
 * The record as a row. An entry is a property, where its text is what JSON makes of its value and its name means nothing to JavaScript or
 * express-session; others stay texts.
 */
export function toRow({ entries, ...fields }: SessionRecord, trail: Trail): StoredRow {
  const properties: [string, unknown][] = [];
  const texts: [string, string][] = [];
  for (const [name, text] of entries) {
    const value = isTaken(name) ? undefined : canonicalValue(text);
    if (value === undefined) texts.push([name, text]);
    else properties.push([name, value]);
  }
  const cookie = new Cookie({ expires: new Date(fields.expiresAt) });
  return { ...Object.fromEntries(properties), cookie, [OWN]: { ...fields, texts, trail } };
}

const isTaken = (name: string): boolean => name === OWN || name === "cookie" || name.startsWith("~") || name in {};

/** The value whose JSON the text is, letter for letter; undefined where there is none. */
function canonicalValue(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The record of a row, and its trail. Throws `record-corrupt` for a row that {@link toRow} didn't make. */
export function fromRow(row: object, handle: string): { record: SessionRecord; trail: Trail } {
  const { cookie: _, [OWN]: own, ...properties } = row as StoredRow;
  if (!Array.isArray(own?.texts) || !Array.isArray(own.trail) || typeof own.secretHash !== "string") {
    throw new HoldfastError(
      "record-corrupt",
      "The store has a row under the session's handle that holdfast didn't write. Give createSessions a table, or a key prefix, of its own.",
      { handle },
    );
  }
  const { texts, trail, ...fields } = own;
  const entries = new Map<string, string>(texts);
  for (const [name, value] of Object.entries(properties)) entries.set(name, JSON.stringify(value));
  return { record: { ...fields, entries }, trail };
}
