import { HoldfastError } from "../errors.ts";
import type { Awaitable } from "../store.ts";
import { after } from "./after.ts";
import { digestSecret, sameText } from "./id.ts";
import type { Received, RequestHead } from "./transport.ts";

/** These ask for nothing to be changed (RFC 9110 9.2.1), so another site may let the browser send them. */
const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];

/** Whether the client's browser may have sent the id by itself. */
export function isAmbient({ ids, isBearer }: Received): boolean {
  return ids.length > 0 && !isBearer;
}

/**
 * Where a request comes from that may change something: the site itself, another one (a sibling subdomain too, which may be hostile), or it can't be told: browsers
 * since 2023 say so in Sec-Fetch-Site (W3C Fetch Metadata), older ones in Origin, the oldest and programs in neither.
 */
export function originOf(head: RequestHead, allowed: readonly string[]): "own" | "other" | "unknown" {
  if (head.method !== undefined && SAFE.includes(head.method)) return "own";
  const origin = head.header("origin");
  if (origin !== undefined && allowed.includes(origin)) return "own";
  const site = head.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin" || site === "none" ? "own" : "other";
  if (origin === undefined) return "unknown";
  return isOwnOrigin(head, origin) ? "own" : "other";
}

/** Whether a page of the host that the request names sent it. */
export function isOwnOrigin(head: RequestHead, origin: string): boolean {
  const host = URL.parse(origin)?.host;
  return host !== undefined && host === head.header("host");
}

/** Whether it is a list of origins, each as browsers write it. */
export function areOrigins(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((origin) => URL.parse(origin)?.origin === origin);
}

/** What proves that a form is of the session's own pages: only they can know it. Of the secret, so that it ends with the id. */
export function csrfToken(secret: string): Awaitable<string> {
  return digestSecret(`csrf ${secret}`);
}

/** The header in which a script sends it. */
export const TOKEN_HEADER = "x-csrf-token";

export function hasToken(head: RequestHead, secret: string): Awaitable<boolean> {
  return after(csrfToken(secret), (token) => sameText(head.header(TOKEN_HEADER) ?? "", token));
}

export function crossSite(origin: "other" | "unknown"): HoldfastError<"cross-site-request"> {
  const message =
    origin === "other"
      ? "Another site's page made the client send this request, so it was not carried out. If that site may, name its origin in csrf.allow."
      : `The request names no origin (an old browser, or a program), so it needs the session's csrfToken() in the header ${TOKEN_HEADER}.`;
  return new HoldfastError("cross-site-request", message, {});
}
