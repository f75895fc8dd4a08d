import { random, sha256 } from "#crypto";
import type { SessionRecord } from "../store.ts";

/** What the cookie's value says: which record, and the proof that it is the client's. */
export interface SessionId {
  readonly handle: string;
  readonly secret: string;
}

// 128 random bits name the session and 256 prove it, both as base64url.
const HANDLE_BYTES = 16;
const SECRET_BYTES = 32;
const FORM = /^[\w-]{22}\.[\w-]{43}$/;
const HANDLE_FORM = /^[\w-]{22}$/;
const SECRET_FORM = /^[\w-]{43}$/;

/** How a hash names the function that made it, so that another can follow it one day. */
const HASH_VERSION = "1:";

export const newHandle = (): string => random(HANDLE_BYTES);

export const newSecret = (): string => random(SECRET_BYTES);

export const formatId = ({ handle, secret }: SessionId): string => `${handle}.${secret}`;

/** The id that a client's value holds, or undefined where it can't be one: such a value never reaches the store. */
export function parseId(value: string): SessionId | undefined {
  return FORM.test(value) ? { handle: value.slice(0, 22), secret: value.slice(23) } : undefined;
}

/** Whether it may be one: nothing else reaches the store. */
export const isHandle = (value: unknown): boolean => typeof value === "string" && HANDLE_FORM.test(value);

/** Whether it may be one: nothing else is worth hashing. */
export const isSecret = (value: string): boolean => SECRET_FORM.test(value);

/** What is compared: the hash without its version. */
export function digestSecret(secret: string): string | Promise<string> {
  return sha256(secret) as string | Promise<string>;
}

/** What is stored. */
export function hashSecret(secret: string): string | Promise<string> {
  const digest = digestSecret(secret);
  return typeof digest === "string" ? HASH_VERSION + digest : digest.then((text) => HASH_VERSION + text);
}

/**
 * What a secret's digest is to a record, or to a device's binding: its own (`current`), the one before and still in its grace (`previous`), the one before and past it
 * (`superseded`: perhaps a stolen copy), or none (`wrong`).
 */
export function matchSecret(
  record: Pick<SessionRecord, "secretHash" | "previousHash" | "graceUntil">,
  digest: string,
  now: number,
): "current" | "previous" | "superseded" | "wrong" {
  if (isHashOf(digest, record.secretHash)) return "current";
  if (record.previousHash === undefined || !isHashOf(digest, record.previousHash)) return "wrong";
  return now < (record.graceUntil ?? 0) ? "previous" : "superseded";
}

/** Compares in a time that depends on the lengths alone. */
export function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

/** Whether the stored hash is this digest's, in the version that we write. */
function isHashOf(digest: string, hash: string): boolean {
  return hash.startsWith(HASH_VERSION) && sameText(hash.slice(HASH_VERSION.length), digest);
}
