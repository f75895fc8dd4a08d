import { type KeyObject, randomBytes } from "node:crypto";
import { nearest } from "../core/misspelt.ts";
import type { Store as HoldfastStore } from "../store.ts";
import type { CookieOptions } from "./cookie.ts";
import { deprecate } from "./deprecate.ts";
import { MemoryStore } from "./memory.ts";
import type { SessionRequest } from "./request.ts";
import { type Secret, secretKeys } from "./signature.ts";
import type { Store } from "./store.ts";
import { isHoldfastStore, toExpressStore } from "./to-express-store.ts";
import { warnOnce } from "./warn.ts";

/** What express-session takes for a store, whatever class it comes from. */
export interface AnyStore {
  get(sid: string, callback: never): unknown;
  set(sid: string, session: never, callback?: never): unknown;
  destroy(sid: string, callback?: never): unknown;
  on(event: string, listener: () => void): unknown;
}

/** A method's type, as a function whose parameter is annotated with Express's own Request fits that alone. */
interface CookieFunction {
  of(req: SessionRequest): CookieOptions;
}

export interface SessionOptions {
  /** Signs the cookie. Of a list, the first signs, and all verify: put a new one in front to rotate. Default: cookie-parser's `req.secret`. */
  secret?: Secret | Secret[] | undefined;
  /** A store of express-session's, or of holdfast's; `toExpressStore` has more options for that one. Default: a `MemoryStore`, for development alone. */
  store?: Store | AnyStore | HoldfastStore | undefined;
  /** The cookie's name. Default: `connect.sid`. */
  name?: string | undefined;
  /** The old name of `name`. */
  key?: string | undefined;
  cookie?: CookieOptions | CookieFunction["of"] | undefined;
  /** Makes a new session's id, at once. It must be hard to guess. Default: 192 random bits. */
  genid?(req: SessionRequest): string;
  /** Save each session at the end of its request, changed or not. `false` is what you want with any store that has `touch`. Default: true, deprecated. */
  resave?: boolean | undefined;
  /** Save a new session that nothing was put into. `false` spares a row and a cookie for each bot. Default: true, deprecated. */
  saveUninitialized?: boolean | undefined;
  /** Send the cookie with every response, so that its `maxAge` starts anew. Default: false. */
  rolling?: boolean | undefined;
  /** Believe `X-Forwarded-Proto`, or not; undefined: as Express's "trust proxy" says. */
  proxy?: boolean | undefined;
  /** What `req.session = null` does to what is stored. Default: `"keep"`. */
  unset?: "destroy" | "keep" | undefined;
}

/** The options after defaults and checks. */
export interface Settings {
  readonly store: Store;
  readonly name: string;
  readonly resave: boolean;
  readonly saveUninitialized: boolean;
  readonly rolling: boolean;
  readonly proxy: boolean | undefined;
  readonly unset: "destroy" | "keep";
  readonly cookie: (req: SessionRequest) => CookieOptions;
  readonly genid: (req: SessionRequest) => string;
  /** The keys that verify, the signing one first; none where no secret was given. */
  readonly keys: (req: SessionRequest) => readonly KeyObject[];
}

const OPTIONS = [
  "secret",
  "store",
  "name",
  "key",
  "cookie",
  "genid",
  "resave",
  "saveUninitialized",
  "rolling",
  "proxy",
  "unset",
];

const COOKIE_OPTIONS = [
  "maxAge",
  "originalMaxAge",
  "expires",
  "httpOnly",
  "path",
  "domain",
  "secure",
  "sameSite",
  "partitioned",
  "priority",
  "signed",
  "encode",
];

/** Checks the options as express-session does, and fills in its defaults. Deprecations are told of where the app called `api`. */
export function settle(options: SessionOptions, api: (options?: SessionOptions) => unknown): Settings {
  const genid = options.genid || newId;
  const cookie = options.cookie || {};
  const unset = options.unset || "keep";
  if (typeof genid !== "function") throw new TypeError("genid option must be a function");
  if (options.resave === undefined) deprecate("undefined resave option; provide resave option", api);
  if (options.saveUninitialized === undefined) {
    deprecate("undefined saveUninitialized option; provide saveUninitialized option", api);
  }
  if (unset !== "destroy" && unset !== "keep") throw new TypeError('unset option must be "destroy" or "keep"');
  if (Array.isArray(options.secret) && options.secret.length === 0) {
    throw new TypeError("secret option array must contain one or more strings");
  }
  if (!options.secret) deprecate("req.secret; provide secret option", api);
  warnOfUnknown(options, OPTIONS, "");
  if (typeof cookie === "object") warnOfUnknown(cookie, COOKIE_OPTIONS, "cookie.");

  const given = options.store || new MemoryStore();
  const store = isHoldfastStore(given) ? toExpressStore(given) : (given as Store);
  if (process.env.NODE_ENV === "production" && store instanceof MemoryStore) console.warn(MEMORY_WARNING);
  return {
    store,
    name: options.name || options.key || "connect.sid",
    resave: options.resave === undefined || Boolean(options.resave),
    saveUninitialized: options.saveUninitialized === undefined || Boolean(options.saveUninitialized),
    rolling: Boolean(options.rolling),
    proxy: options.proxy,
    unset,
    cookie: typeof cookie === "function" ? cookie : () => cookie,
    genid,
    keys: keysOf(options.secret),
  };
}

/** Said in production, where memory is no place for sessions. */
const MEMORY_WARNING =
  "Warning: connect.session() MemoryStore is not\ndesigned for a production environment, as it will leak\nmemory, and will not scale past a single process.";

const newId = (): string => randomBytes(24).toString("base64url");

function keysOf(secret: SessionOptions["secret"]): Settings["keys"] {
  if (secret) {
    const keys = secretKeys(secret);
    return () => keys;
  }
  let parsers: readonly KeyObject[] = [];
  let parsersSecret: string | undefined;
  return (req) => {
    if (req.secret && req.secret !== parsersSecret) {
      parsersSecret = req.secret;
      parsers = secretKeys(req.secret);
    }
    return req.secret ? parsers : [];
  };
}

/** An app may pass what another library made of its options, so an unknown one is no error, and no word is said of it unless a known one was meant. */
function warnOfUnknown(options: object, known: readonly string[], prefix: string): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const isCookies = COOKIE_OPTIONS.includes(option);
    const meant = isCookies ? option : nearest(option, known);
    if (meant)
      warnOnce(`there is no option ${prefix}${option}: did you mean ${isCookies ? "cookie." : prefix}${meant}?`);
  }
}
