import { candidates, clearCookie, isBelow, setCookie } from "./cookie.ts";
import { formatId, parseId, type SessionId } from "./id.ts";
import { outsidePath } from "./misuse.ts";
import type { Cookie } from "./options.ts";
import type { HeaderEdits } from "./reply.ts";

/** What an adapter tells of a request. */
export interface RequestHead {
  /** In capitals: `GET`. Where it is left out, the request may change something. */
  readonly method?: string | undefined;
  /** Of the URL that the client asked for, without its query: `/cart`. Where it is left out, nobody compares it with `cookie.path`. */
  readonly path?: string | undefined;
  /** A header's value by its name in lower case; several lines of one header joined as HTTP joins them. */
  header(name: string): string | undefined;
  /** Whether the connection to this server is TLS, or a proxy that the framework was told to trust says that the client's is. */
  readonly encrypted: boolean;
}

/** How session ids travel: in a cookie, unless the option `transport` says otherwise. */
export interface Transport {
  /** Finds what a request carries. `https` says whether its client's connection is, as far as that can be trusted. */
  receive(head: RequestHead, https: boolean): Received;
}

/** What gives a client an id: a cookie, or a header of a name that the transport has for it. */
export type IdEdit = Pick<HeaderEdits, "setCookie" | "setHeader">;

/** What a request carries, and how its response gives the client another id. */
export interface Received {
  /** Well-formed, without repeats, and few: each one costs a store's read. */
  readonly ids: readonly SessionId[];
  /** Whether it carried any id at all, be it malformed. */
  readonly presented: boolean;
  /** Whether no browser sends it by itself, so that no other site's page can borrow it. */
  readonly isBearer?: true;
  /** The request headers that were looked at, for Vary: `Cookie`. */
  readonly vary: string;
  /** Throws where this request's client would not come back with what it is given. */
  check?(): void;
  /** Gives the client this id: for so many ms, or for as long as its browser runs. */
  set(id: SessionId, maxAge: number | undefined): IdEdit;
  /** Takes it back. */
  clear(): IdEdit;
}

/** More ids than any honest client sends. */
const MAX_IDS = 5;

const NO_IDS: SessionId[] = [];

/** The ids among what a client sent. Malformed ones end here. */
export function idsOf(values: readonly string[], parse: (value: string) => SessionId | undefined): SessionId[] {
  let ids: SessionId[] = NO_IDS;
  for (const value of values) {
    if (ids.length === MAX_IDS) break;
    const id = parse(value);
    if (!id) continue;
    if (ids.length === 0) ids = [id];
    else if (!ids.some(({ handle, secret }) => handle === id.handle && secret === id.secret)) ids.push(id);
  }
  return ids;
}

/** The default: `handle.secret` in a cookie, under a name and with attributes that fit the connection. */
export function cookieTransport(secure: boolean | "auto", secureCookie: Cookie, plainCookie: Cookie): Transport {
  return {
    receive(head, https) {
      const isSecure = secure === "auto" ? https : secure;
      return new ReceivedCookie(head, isSecure ? secureCookie : plainCookie);
    },
  };
}

class ReceivedCookie implements Received {
  readonly ids: readonly SessionId[];
  readonly presented: boolean;
  readonly vary: string = "Cookie";
  readonly #head: RequestHead;
  readonly #cookie: Cookie;

  constructor(head: RequestHead, cookie: Cookie) {
    const values = candidates(head.header("cookie"), cookie.name);
    this.ids = idsOf(values, parseId);
    this.presented = values.length > 0;
    this.#head = head;
    this.#cookie = cookie;
  }

  check(): void {
    const { path } = this.#cookie;
    if (path === "/") return;
    const { path: asked } = this.#head;
    if (asked !== undefined && !isBelow(asked, path)) throw outsidePath(asked, path);
  }

  set(id: SessionId, maxAge: number | undefined): IdEdit {
    const { name, attributes } = this.#cookie;
    return { setCookie: setCookie(name, formatId(id), attributes, maxAge) };
  }

  clear(): IdEdit {
    return { setCookie: clearCookie(this.#cookie.name, this.#cookie.attributes) };
  }
}

/** The response's header that gives an API's client its id. */
const SESSION_ID = "Session-Id";

/**
 * For clients that keep no cookies: `Authorization: Bearer handle.secret` (RFC 6750), and a new id comes in the response's `Session-Id`; an empty one
 * takes it back. Cookies are not looked at, so no other site's page can borrow the session.
 */
export const bearerTransport: Transport = {
  receive(head) {
    const [, token] = /^bearer +([^\s,]+) *$/i.exec(head.header("authorization") ?? "") ?? [];
    return {
      ids: idsOf(token ? [token] : [], parseId),
      presented: token !== undefined,
      isBearer: true,
      vary: "Authorization",
      set: (id) => ({ setHeader: [SESSION_ID, formatId(id)] }),
      clear: () => ({ setHeader: [SESSION_ID, ""] }),
    };
  },
};

/** Each request by the transport that the app chooses for it. */
export function chosenTransport(cookie: Transport, choose: (head: RequestHead) => "cookie" | "bearer"): Transport {
  return {
    receive(head, https) {
      const received = (choose(head) === "bearer" ? bearerTransport : cookie).receive(head, https);
      // What the choice was made by, only the app knows; of these two it depends at least.
      return Object.assign(received, { vary: "Cookie, Authorization" });
    },
  };
}

/** Whether the client's connection is https, as far as that can be trusted. */
export function isHttps(head: RequestHead, trustProxy: boolean): boolean {
  return head.encrypted || (trustProxy && forwardedProto(head) === "https");
}

/** The scheme that the first proxy saw, as the proxies tell it. */
export function forwardedProto(head: RequestHead): string | undefined {
  return head.header("x-forwarded-proto")?.split(",", 1)[0]?.trim().toLowerCase();
}
