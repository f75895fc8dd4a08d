import { hash, randomBytes } from "node:crypto";

/** SHA-256 of the text's UTF-8, as base64url. */
export function sha256(text: string): string {
  return hash("sha256", text, "base64url");
}

/** So many bytes from the system's CSPRNG, as base64url. */
export function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

/** As base64url. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/** The bytes of base64url. Answers others where the text is none. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "base64url"));
}
