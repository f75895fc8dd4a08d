import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from "node:crypto";

/** What signs the cookie: text, bytes, or a key of node:crypto. */
export type Secret = string | NodeJS.ArrayBufferView | KeyObject;

/**
 * The keys of a secret or a list of them, made once and not at each request. One that is missing or empty (an environment without it) is left
 * out: everybody knows it.
 */
export function secretKeys(secret: Secret | readonly (Secret | null | undefined)[]): readonly KeyObject[] {
  const secrets = Array.isArray(secret) ? secret : [secret];
  const given = secrets.filter((each) => each !== null && each !== undefined);
  return given.map(secretKey).filter((key) => key.symmetricKeySize !== 0);
}

function secretKey(secret: Secret): KeyObject {
  if (typeof secret === "string") return createSecretKey(secret, "utf8");
  return secret instanceof KeyObject ? secret : createSecretKey(secret);
}

/** The cookie's value, in the format of the cookie-signature package: `s:`, the id, and the unpadded base64 of its HMAC-SHA256. */
export function sign(id: string, [key]: readonly KeyObject[]): string {
  return `s:${id}.${mac(id, key!)}`;
}

/** The id of a cookie's value that one of the keys has signed, or undefined. */
export function unsign(value: string, keys: readonly KeyObject[]): string | undefined {
  if (!value.startsWith("s:")) return undefined;
  const dot = value.lastIndexOf(".");
  if (dot < 2) return undefined;
  const id = value.slice(2, dot);
  const given = Buffer.from(value.slice(dot + 1));
  const isSigned = (key: KeyObject): boolean => {
    const expected = Buffer.from(mac(id, key));
    return expected.length === given.length && timingSafeEqual(expected, given);
  };
  return id && keys.some(isSigned) ? id : undefined;
}

function mac(id: string, key: KeyObject): string {
  return createHmac("sha256", key).update(id).digest("base64").replace("=", "");
}
