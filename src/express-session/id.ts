import { hash } from "node:crypto";
import { formatId, parseId, type SessionId } from "../core/id.ts";

/**
 * The id that an express-session sid stands for. A native one, `handle.secret`, is itself; any other (express-session's 32 characters, an
 * app's `genid`) is the secret under a handle that is derived from it. So both APIs find the same record by the same cookie, and the
 * store never holds the sid.
 */
export function sessionIdOf(sid: string): SessionId {
  return parseId(sid) ?? { handle: derivedHandle(sid), secret: sid };
}

/** The sid that stands for the id: the one way back from {@link sessionIdOf}. */
export function sidOf(id: SessionId): string {
  return derivedHandle(id.secret) === id.handle ? id.secret : formatId(id);
}

/** A handle that nobody draws at random: 128 bits of the label's SHA-256. */
export function derivedHandle(label: string): string {
  return hash("sha256", `holdfast/express-session:${label}`, "base64url").slice(0, 22);
}
