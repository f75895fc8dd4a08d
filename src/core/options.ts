import { HoldfastError } from "../errors.ts";
import type { IndexedStore, Store } from "../store.ts";
import { type Serializer, strictJson } from "./codec.ts";
import { type CookieAttributes, cookieName, formatAttributes, hasPrefix } from "./cookie.ts";
import { areOrigins } from "./csrf.ts";
import type { DeviceBound } from "./device.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { type Encryption, encrypted } from "./encryption.ts";
import type { Limits } from "./lifetime.ts";
import { MOVED, refuseUnknown } from "./misspelt.ts";
import { bearerTransport, chosenTransport, cookieTransport, type RequestHead, type Transport } from "./transport.ts";
import type { UserLimit } from "./user-limit.ts";

export interface CookieOptions {
  /** Name without a prefix: on https `__Host-` is added by itself, or `__Secure-` with a `domain` or a `path`. Default: `sid`. */
  name?: string;
  /** Send the cookie to this domain's subdomains too. Default: to this host alone. */
  domain?: string;
  /** Send the cookie below this path alone. Default: `/`. */
  path?: string;
  /** Over https alone. `"auto"`: where the request came by https (see `trustProxy`). Default: `"auto"`. */
  secure?: boolean | "auto";
  /** Whether other sites' requests carry the cookie. `"none"` demands `secure: true`. Default: `"lax"`. */
  sameSite?: "strict" | "lax" | "none";
  /** Kept apart for each top-level site that embeds yours (CHIPS). Demands `secure: true`. Default: false. */
  partitioned?: boolean;
  /** What Chromium evicts first when it has too many cookies. Default: not sent. */
  priority?: "low" | "medium" | "high";
  /** Survives the end of the browser, for every session; `login(id, { remember: true })` chooses it for one. Default: false. */
  persistent?: boolean;
}

export interface SessionsOptions<S extends Store = Store> {
  /** Where the sessions live: `memoryStore()`, `sqliteStore("sessions.db")`, or one of your own. */
  store: S;
  /** A session unused for so long ends; false for never. Default: `"30m"`. */
  idle?: Duration | false;
  /** A session so long after its beginning, or its last login, ends however much it is used; false for never. Default: `"12h"`. */
  absolute?: Duration | false;
  /**
   * An id this old is replaced with the next response, and lives on for 30 seconds for requests under way; so a stolen one is of use for a while only, and shows
   * itself when it comes back (`rejected`, `superseded`). A client that misses the response has to log in again. false for never. Default: `false`.
   */
  renew?: Duration | false;
  cookie?: CookieOptions;
  /**
   * How ids travel. `"bearer"`: by `Authorization: Bearer …`, and new ones back in the response's `Session-Id`, for API clients; no cookie is read or set.
   * A function chooses for each request; a transport of one's own takes the place of both. Default: `"cookie"`.
   *
   * ```ts
   * createSessions({ store: memoryStore(), transport: (head) => (head.header("x-client") === "app" ? "bearer" : "cookie") });
   * ```
   */
  transport?: "cookie" | "bearer" | ((head: RequestHead) => "cookie" | "bearer") | Transport;
  /** Believe `X-Forwarded-Proto`. Only where every request comes through a proxy of yours that sets it. Default: false. */
  trustProxy?: boolean;
  /**
   * Encrypts entries in the store (AES-256-GCM): one key, or several of which the first writes and all read. A new one: give it to all servers as the
   * second first, then put it before the old; a session goes over to it with its next use, and servers that don't have it reject it from then on. Each is 32
   * random bytes or more, as bytes or text: `openssl rand -base64 32`. Sessions stored under none of them end. Default: the store holds plain JSON.
   */
  keys?: Key | readonly Key[];
  /**
   * Refuses requests that another site's page makes a visitor's browser send with its cookie: any but GET, HEAD, OPTIONS and TRACE, by Fetch Metadata and Origin, with
   * `cross-site-request` (status 403). Where neither header comes, the session's `csrfToken()` has to, in `X-CSRF-Token`. `allow` names origins of other sites that
   * may: `["https://pay.example.com"]`. Default: `false`, and `cookie.sameSite` alone keeps most of them out.
   */
  csrf?: boolean | { allow: readonly string[] };
  /**
   * Answers a logout (`session.destroy()`) with Clear-Site-Data, so that the browser forgets all it has of the site: cache, storage, and every cookie, other apps' on the
   * host too. Browsers heed it over https alone. Default: `false`, and the session's cookie is taken back.
   */
  clearSiteData?: boolean;
  /**
   * Binds the sessions of users who log in to their browser's device, where the browser can (Chromium; W3C Device Bound Session Credentials): it keeps a key that can't
   * be copied, and a stolen cookie is of use for `lifetime` and no longer, 10 minutes by default. Other browsers notice nothing. The value is the path
   * at which the app answers browsers, by `nodeDeviceBinding(sessions)` or `fetchDeviceBinding(sessions)`. Over https alone. Default: no binding.
   *
   * ```ts
   * const sessions = createSessions({ store: memoryStore(), deviceBound: "/device" });
   * ```
   */
  deviceBound?: string | { path: string; lifetime?: Duration };
  /** How entries become text and back. Default: JSON that refuses what JSON would silently lose. */
  serializer?: Serializer;
  /** How long a store may take for one operation. Default: `"5s"`. */
  timeout?: Duration;
  /**
   * The most sessions that a user may have at a time: a login beyond ends the one whose login is the longest ago, or with `beyond: "refuse"` rejects with
   * `too-many-sessions`. Takes a store that finds sessions by user. Default: no limit.
   */
  maxPerUser?: number | { sessions: number; beyond: "evict-oldest" | "refuse" };
  /**
   * What a request gets whose session can't be read. `"error"`: the store's error. `"read-only"`: an empty session that can't be changed
   * (`session.isReadOnly`), so that pages which can do without go on; whatever would have to be saved still fails. Default: `"error"`.
   */
  onStoreError?: "error" | "read-only";
}

type Key = string | Uint8Array;

/** The cookie for one kind of connection, ready to be written. */
export interface Cookie {
  readonly name: string;
  readonly path: string;
  readonly attributes: string;
}

/** The options after defaults and checks. */
export interface Settings {
  readonly store: Store & Partial<IndexedStore>;
  readonly limits: Limits;
  readonly secure: boolean | "auto";
  readonly persistent: boolean;
  readonly secureCookie: Cookie;
  readonly plainCookie: Cookie;
  readonly transport: Transport;
  readonly trustProxy: boolean;
  readonly serializer: Serializer;
  /** Of `store`, where its entries are encrypted. */
  readonly encryption: Encryption | undefined;
  readonly timeout: number;
  readonly onStoreError: "error" | "read-only";
  readonly maxPerUser: UserLimit | undefined;
  /** The origins that may send a visitor's requests beside the app's own; undefined where any may. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly clearSiteData: boolean;
  readonly deviceBound: DeviceBound | undefined;
}

const OPTIONS = [
  "store",
  "idle",
  "absolute",
  "renew",
  "cookie",
  "transport",
  "trustProxy",
  "serializer",
  "timeout",
  "onStoreError",
  "maxPerUser",
  "keys",
  "csrf",
  "clearSiteData",
  "deviceBound",
];
const COOKIE_OPTIONS = ["name", "domain", "path", "secure", "sameSite", "partitioned", "priority", "persistent"];
/** What isn't an option of createSessions, but may be meant for one. */
const ELSEWHERE = {
  ...MOVED,
  ...Object.fromEntries(COOKIE_OPTIONS.map((option) => [option, `it is cookie.${option}`])),
};
const STORE_METHODS = ["read", "create", "update", "delete", "sweep", "close"] as const;

/** Checks the options and fills in the defaults. Throws `option-unknown`, `option-invalid` or `option-conflict`. */
export function settle(options: SessionsOptions): Settings {
  if (!isObject(options)) throw invalid("options", "must be an object such as { store: memoryStore() }");
  refuseUnknown(options, OPTIONS, "", ELSEWHERE);
  const {
    store,
    idle = "30m",
    absolute = "12h",
    renew = false,
    cookie = {},
    serializer = strictJson,
    timeout = "5s",
  } = options;

  if (!isObject(store) || STORE_METHODS.some((method) => typeof store[method] !== "function")) {
    throw invalid("store", "must be a store, such as memoryStore() of holdfast/stores/memory");
  }
  const limits: Limits = {
    idle: limit(idle, "idle"),
    absolute: limit(absolute, "absolute"),
    renew: limit(renew, "renew"),
  };
  if (limits.idle === Infinity && limits.absolute === Infinity) {
    throw conflict(["idle", "absolute"], "can't both be false: such a session would never end");
  }
  if (typeof serializer?.stringify !== "function" || typeof serializer.parse !== "function") {
    throw invalid("serializer", "must have the functions stringify and parse");
  }
  const { onStoreError = "error" } = options;
  oneOf(onStoreError, ["error", "read-only"], "onStoreError");
  const settled = settleCookie(cookie);
  const encryption = "keys" in options ? encrypted(store, settleKeys(options.keys)) : undefined;
  return {
    store: encryption?.store ?? store,
    encryption,
    limits,
    ...settled,
    ...settleTransport(options, settled),
    trustProxy: boolean(options.trustProxy ?? false, "trustProxy"),
    serializer,
    timeout: milliseconds(timeout, "timeout"),
    onStoreError,
    maxPerUser: settleLimit(options.maxPerUser, store),
    allowedOrigins: settleCsrf(options.csrf),
    clearSiteData: boolean(options.clearSiteData ?? false, "clearSiteData"),
    deviceBound: settleDevice(options),
  };
}

function settleDevice({ deviceBound, transport = "cookie", cookie = {} }: SessionsOptions): DeviceBound | undefined {
  if (deviceBound === undefined) return undefined;
  const { path, lifetime = "10m" } = typeof deviceBound === "string" ? { path: deviceBound } : { ...deviceBound };
  if (isObject(deviceBound)) refuseUnknown(deviceBound, ["path", "lifetime"], "deviceBound.");
  if (typeof path !== "string" || !/^(\/[\w\-.]+)+\/?$/.test(path)) {
    throw invalid("deviceBound", 'must be the path of a route, such as "/device"');
  }
  if (transport !== "cookie" && typeof transport !== "function") {
    throw conflict(["deviceBound", "transport"], "a device proves itself by a cookie, so its session needs one too");
  }
  const { name = "sid", sameSite = "lax" } = cookie;
  if (cookie.secure === false || cookie.domain !== undefined || (cookie.path ?? "/") !== "/" || cookie.partitioned) {
    throw conflict(
      ["deviceBound", "cookie"],
      "browsers bind what goes over https to one host and all its paths: leave out cookie.domain, path, partitioned and secure: false",
    );
  }
  const attributes: CookieAttributes = { path: "/", sameSite, partitioned: false };
  return {
    path,
    lifetime: milliseconds(lifetime, "deviceBound.lifetime"),
    cookie: written(`${name}-device`, attributes, true),
  };
}

function settleCsrf(csrf: SessionsOptions["csrf"] = false): readonly string[] | undefined {
  if (csrf === false) return undefined;
  if (isObject(csrf)) refuseUnknown(csrf, ["allow"], "csrf.");
  const allow = csrf === true ? [] : csrf?.allow;
  if (areOrigins(allow)) return allow;
  throw invalid("csrf", 'must be true, false or { allow: [origins] }, such as "https://pay.example.com"');
}

function settleKeys(given: SessionsOptions["keys"]): Uint8Array<ArrayBuffer>[] {
  // Of an environment variable that isn't set there would be plain text in the store, and nobody would notice.
  if (given === undefined) {
    throw invalid("keys", "is undefined: set the variable that it comes from, or leave it out and store plain text");
  }
  const keys = [given].flat().map(bytesOf);
  // Of a text of one letter, or of a key that was never filled, there is nothing to derive from.
  if (keys.length > 0 && keys.every((key) => key.length >= 32 && new Set(key).size >= 8)) return keys;
  throw invalid(
    "keys",
    "must be one or more keys of at least 32 random bytes each, as `openssl rand -base64 32` makes them",
  );
}

/** None of what is no key. */
function bytesOf(key: unknown): Uint8Array<ArrayBuffer> {
  if (typeof key === "string") return new TextEncoder().encode(key);
  // By its name, for test runners have a Uint8Array of their own.
  const isBytes = Object.prototype.toString.call(key) === "[object Uint8Array]";
  return new Uint8Array(isBytes ? (key as Uint8Array) : []);
}

function settleLimit(limit: SessionsOptions["maxPerUser"], store: Partial<IndexedStore>): UserLimit | undefined {
  if (limit === undefined) return undefined;
  if (isObject(limit)) refuseUnknown(limit, ["sessions", "beyond"], "maxPerUser.");
  const { sessions, beyond } = isObject(limit) ? limit : { sessions: limit, beyond: "evict-oldest" as const };
  if (!Number.isSafeInteger(sessions) || sessions < 1) throw invalid("maxPerUser", "must be a whole number from 1 on");
  oneOf(beyond, ["evict-oldest", "refuse"], "maxPerUser.beyond");
  if (!store.list)
    throw conflict(["maxPerUser", "store"], "this store doesn't find sessions by user: take one that does");
  return { sessions, beyond };
}

function settleTransport(
  { transport = "cookie", cookie }: SessionsOptions,
  { secure, secureCookie, plainCookie }: Pick<Settings, "secure" | "secureCookie" | "plainCookie">,
): Pick<Settings, "secure" | "transport"> {
  const own = cookieTransport(secure, secureCookie, plainCookie);
  if (transport === "cookie") return { secure, transport: own };
  if (typeof transport === "function") return { secure, transport: chosenTransport(own, transport) };
  if (transport !== "bearer" && typeof transport?.receive !== "function") {
    throw invalid("transport", 'must be "cookie", "bearer", a function that chooses, or an object with receive()');
  }
  if (cookie) throw conflict(["transport", "cookie"], "this transport has no use for them: leave one of them out");
  // Of another transport's connections there is nothing to warn.
  return { secure: false, transport: transport === "bearer" ? bearerTransport : transport };
}

function settleCookie(
  options: CookieOptions,
): Pick<Settings, "secure" | "persistent" | "secureCookie" | "plainCookie"> {
  if (!isObject(options)) throw invalid("cookie", 'must be an object such as { sameSite: "strict" }');
  refuseUnknown(options, COOKIE_OPTIONS, "cookie.", MOVED);
  const { name = "sid", domain, path = "/", secure = "auto", sameSite = "lax", priority } = options;

  // What gets into Set-Cookie is checked here, once: nothing from a request ever does (RFC 6265bis 4.1.1).
  if (typeof name !== "string" || !/^[\w!#$%&'*+\-.^`|~]{1,256}$/.test(name)) {
    throw invalid("cookie.name", "must be a token (letters, digits and !#$%&'*+-.^_`|~) of at most 256 characters");
  }
  if (
    domain !== undefined &&
    !(typeof domain === "string" && /^\.?[a-z\d-]+(\.[a-z\d-]+)*$/i.test(domain) && domain.length < 256)
  ) {
    throw invalid("cookie.domain", 'must be a host name such as "example.com"');
  }
  if (typeof path !== "string" || !/^\/[\x20-\x3A\x3C-\x7E]{0,1023}$/.test(path)) {
    throw invalid("cookie.path", 'must begin with "/" and hold at most 1024 visible characters, no ";"');
  }
  oneOf(secure, [true, false, "auto"], "cookie.secure");
  oneOf(sameSite, ["strict", "lax", "none"], "cookie.sameSite");
  oneOf(priority, [undefined, "low", "medium", "high"], "cookie.priority");
  const partitioned = boolean(options.partitioned ?? false, "cookie.partitioned");

  if (secure !== true) {
    if (sameSite === "none") {
      throw conflict(
        ["cookie.sameSite", "cookie.secure"],
        'browsers drop sameSite "none" without Secure: set secure: true',
      );
    }
    if (partitioned) {
      throw conflict(
        ["cookie.partitioned", "cookie.secure"],
        "browsers drop Partitioned without Secure: set secure: true",
      );
    }
    if (hasPrefix(name)) {
      throw conflict(
        ["cookie.name", "cookie.secure"],
        `browsers drop ${name} without Secure: set secure: true, or leave the prefix out, it is added on https`,
      );
    }
  }
  if (/^__Host-/i.test(name) && (domain !== undefined || path !== "/")) {
    throw conflict(["cookie.name", "cookie.domain", "cookie.path"], 'a __Host- cookie has no domain, and the path "/"');
  }

  const attributes: CookieAttributes = { domain, path, sameSite, partitioned, priority };
  return {
    secure,
    persistent: boolean(options.persistent ?? false, "cookie.persistent"),
    secureCookie: written(name, attributes, true),
    plainCookie: written(name, attributes, false),
  };
}

function written(name: string, attributes: CookieAttributes, secured: boolean): Cookie {
  return {
    name: cookieName(name, attributes, secured),
    path: attributes.path,
    attributes: formatAttributes(attributes, secured),
  };
}

const limit = (duration: Duration | false, option: string): number =>
  duration === false ? Number.POSITIVE_INFINITY : milliseconds(duration, option);

function boolean(value: unknown, option: string): boolean {
  if (typeof value !== "boolean") throw invalid(option, "must be true or false");
  return value;
}

function oneOf(value: unknown, values: readonly unknown[], option: string): void {
  if (values.includes(value)) return;
  throw invalid(
    option,
    `must be one of ${values
      .filter((each) => each !== undefined)
      .map((each) => JSON.stringify(each))
      .join(", ")}`,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

const invalid = (option: string, rule: string): HoldfastError<"option-invalid"> =>
  new HoldfastError("option-invalid", `The option ${option} ${rule}.`, { option });

const conflict = (options: readonly string[], rule: string): HoldfastError<"option-conflict"> =>
  new HoldfastError("option-conflict", `The options ${options.join(" and ")}: ${rule}.`, { options });
