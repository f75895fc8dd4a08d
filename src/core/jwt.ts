import { decodeBase64 } from "#crypto";

/** What a device's key may sign by, the preferred first (RFC 7518 3.1). Not among them: `none`, and what a server's own secret would sign. */
export const ALGORITHMS = ["ES256", "RS256"] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** A device's public key, as it is pinned: with the one algorithm that it signs by. */
export interface DeviceKey {
  readonly alg: Algorithm;
  readonly jwk: Readonly<Record<string, string>>;
}

/** A JWT by which a device proves that it has its key, taken apart; whether it does is {@link isSignedBy}'s to say. */
export interface DeviceJwt {
  readonly alg: Algorithm;
  /** The header's `jwk`, where it has one. */
  readonly jwk: unknown;
  /** The challenge that is answered. */
  readonly jti: string;
  readonly aud: unknown;
  readonly signed: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Longer than any that a browser sends: with an RSA key of 4096 bits they have some 1,700 characters. */
const MAX_LENGTH = 4096;

/** Takes a `Secure-Session-Response` apart: a bare JWT, or a quoted one. Undefined where it isn't of the form that device-bound sessions have (W3C DBSC 8.4). */
export function parseJwt(text: string | undefined): DeviceJwt | undefined {
  if (!text || text.length > MAX_LENGTH) return undefined;
  const [, head, payload, signature] = /^"?([\w-]+)\.([\w-]+)\.([\w-]+)"?$/.exec(text) ?? [];
  const { typ, alg, jwk, crit } = parseObject(head);
  const { jti, aud } = parseObject(payload);
  if (typ !== "dbsc+jwt" || !isAlgorithm(alg) || crit !== undefined || typeof jti !== "string") return undefined;
  const bytes = attemptDecode(signature);
  return bytes && { alg, jwk, jti, aud, signed: `${head}.${payload}`, signature: bytes };
}

/** The key that the JWT brings along, to be pinned. Undefined where it fits no algorithm of ours, or is too short an RSA key (under 2048 bits, be it filled up with zeros: `A…`). */
export function keyOf({ alg, jwk }: DeviceJwt): DeviceKey | undefined {
  const { kty, crv, x, y, n, e } = (jwk ?? {}) as Record<string, unknown>;
  if (alg === "ES256" && kty === "EC" && crv === "P-256" && isText(x, 43, 43) && isText(y, 43, 43)) {
    return { alg, jwk: { kty, crv, x, y } };
  }
  if (alg === "RS256" && kty === "RSA" && e === "AQAB" && isText(n, 342, 683) && !n.startsWith("A"))
    return { alg, jwk: { kty, n, e } };
  return undefined;
}

/** Whether this key signed it, by the key's own algorithm. */
export async function isSignedBy(key: DeviceKey, { alg, signed, signature }: DeviceJwt): Promise<boolean> {
  if (alg !== key.alg) return false;
  const [imported, used] = PARAMETERS[key.alg];
  const { subtle } = crypto;
  try {
    const publicKey = await subtle.importKey("jwk", key.jwk, imported, false, ["verify"]);
    return await subtle.verify(used, publicKey, signature, new TextEncoder().encode(signed));
  } catch {
    // A point that is not on the curve, a modulus that is none.
    return false;
  }
}

/** For WebCrypto: how a key is imported, and how it verifies. */
const PARAMETERS = {
  ES256: [
    { name: "ECDSA", namedCurve: "P-256" },
    { name: "ECDSA", hash: "SHA-256" },
  ],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
} as const;

function isAlgorithm(value: unknown): value is Algorithm {
  return (ALGORITHMS as readonly unknown[]).includes(value);
}

function isText(value: unknown, min: number, max: number): value is string {
  return typeof value === "string" && value.length >= min && value.length <= max && /^[\w-]+$/.test(value);
}

function parseObject(part: string | undefined): Record<string, unknown> {
  const bytes = attemptDecode(part);
  if (!bytes) return {};
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function attemptDecode(part: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  try {
    return part === undefined ? undefined : decodeBase64(part);
  } catch {
    return undefined;
  }
}
