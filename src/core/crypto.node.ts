import { hash, randomBytes } from "node:crypto";

/** SHA-256 of the text's UTF-8, as base64url. */
export function sha256(text: string): string {
  return hash("sha256", text, "base64url");
}

/** So many bytes from the system's CSPRNG, as base64url. */
export function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
