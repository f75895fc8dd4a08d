import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

/** A browser's device: a key that does not leave it. */
export interface Device {
  readonly alg: string;
  /** Its public key. */
  readonly jwk: object;
  /** Signs what a browser would, but for what a test makes otherwise. */
  sign(claims: JWTPayload, header?: object): Promise<string>;
}

export async function newDevice(alg: "ES256" | "RS256" | "ES384" = "ES256", modulusLength = 2048): Promise<Device> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength });
  const jwk = await exportJWK(publicKey);
  return {
    alg,
    jwk,
    sign: (claims, header) =>
      new SignJWT(claims).setProtectedHeader({ alg, typ: "dbsc+jwt", ...header }).sign(privateKey),
  };
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT that no key signed. */
export const unsigned = (header: object, claims: object, signature = ""): string =>
  `${base64url({ typ: "dbsc+jwt", ...header })}.${base64url(claims)}.${signature}`;

/** What a response asks the browser to sign: of a login's Secure-Session-Registration, or a Secure-Session-Challenge. */
export function challengeIn(header: string | undefined): string {
  const [, challenge] = /(?:challenge=|^)"([\w-]+)"/.exec(header ?? "") ?? [];
  if (challenge === undefined) throw new Error(`There is no challenge in ${header}`);
  return challenge;
}

/** What a browser sends along to register. */
export const registering = async (device: Device, challenge: string) => ({
  "secure-session-response": await device.sign({ jti: challenge }, { jwk: device.jwk }),
});

/** What it sends to prove itself for the session of this handle. Without a device: as who asks for a challenge. */
export const proving = async (handle: string, device?: Device, challenge = "") => ({
  "sec-secure-session-id": `"${handle}"`,
  ...(device && { "secure-session-response": await device.sign({ jti: challenge }) }),
});
