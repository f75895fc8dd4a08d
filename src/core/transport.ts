import { candidates } from "./cookie.ts";
import { parseId, type SessionId } from "./id.ts";
import type { Cookie, Settings } from "./options.ts";

/** What an adapter tells of a request. */
export interface RequestHead {
  /** A header's value by its name in lower case; several lines of one header joined as HTTP joins them. */
  header(name: string): string | undefined;
  /** Whether the connection to this server is TLS, or a proxy that the framework was told to trust says that the client's is. */
  readonly encrypted: boolean;
}

/** How one request carries its session. */
export interface Carrier {
  /** Whether the client's connection is https, as far as it can be trusted. */
  readonly https: boolean;
  /** The cookie that this request's session reads and writes. */
  readonly cookie: Cookie;
  /** The ids that the client sent, well-formed and without repeats. */
  readonly ids: readonly SessionId[];
  /** Whether it sent our cookie at all, be it malformed. */
  readonly presented: boolean;
}

/** More ids than any honest client sends; each one costs a store's read. */
const MAX_IDS = 5;

/** Finds the candidates for an id. Malformed ones end here. */
export function receive(head: RequestHead, settings: Settings): Carrier {
  const https = head.encrypted || (settings.trustProxy && forwardedProto(head) === "https");
  const secure = settings.secure === "auto" ? https : settings.secure;
  const cookie = secure ? settings.secureCookie : settings.plainCookie;
  const values = candidates(head.header("cookie"), cookie.name);
  const ids: SessionId[] = [];
  for (const value of values) {
    if (ids.length === MAX_IDS) break;
    const id = parseId(value);
    if (id && !ids.some(({ handle, secret }) => handle === id.handle && secret === id.secret)) ids.push(id);
  }
  return { https, cookie, ids, presented: values.length > 0 };
}

/** The scheme that the first proxy saw, as the proxies tell it. */
export function forwardedProto(head: RequestHead): string | undefined {
  return head.header("x-forwarded-proto")?.split(",", 1)[0]?.trim().toLowerCase();
}
