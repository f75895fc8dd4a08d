import { deprecate } from "./deprecate.ts";

/** What the session's cookie is to look like; `maxAge` and `expires` set each other, and the later one named counts. */
export interface CookieOptions {
  /** How long the cookie lives, in milliseconds. Default: as long as the browser runs. */
  maxAge?: number | undefined;
  /** @deprecated Set `maxAge`: a fixed date is the same for every session that ever begins. */
  expires?: Date | null | undefined;
  /** Keeps scripts from reading the cookie. Default: true. */
  httpOnly?: boolean | undefined;
  /** Requests outside of this path pass without a session. Default: `/`. */
  path?: string | undefined;
  domain?: string | undefined;
  /** Over https alone; over http no cookie is set at all. `"auto"`: as the request came. */
  secure?: boolean | "auto" | undefined;
  /** `true` is `"strict"`; `"auto"` is `"none"` over https, else `"lax"`. */
  sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  partitioned?: boolean | undefined;
  priority?: "low" | "medium" | "high" | undefined;
  /** Taken, and without effect: the session's cookie is always signed. */
  signed?: boolean | undefined;
  /** Taken, and without effect. */
  encode?: ((value: string) => string) | undefined;
}

/** What of a cookie is stored with its session, in this order. */
export interface CookieData {
  originalMaxAge: number | null;
  partitioned: boolean | undefined;
  priority: CookieOptions["priority"];
  expires: Date | null | undefined;
  secure: CookieOptions["secure"];
  httpOnly: boolean | undefined;
  domain: string | undefined;
  path: string | undefined;
  sameSite: CookieOptions["sameSite"];
}

/** A session's cookie, as `req.session.cookie`. It is stored with the session, and a handler may change it for one visitor. */
export class Cookie implements CookieOptions {
  declare path?: string | undefined;
  declare httpOnly?: boolean | undefined;
  declare domain?: string | undefined;
  declare secure?: CookieOptions["secure"];
  declare sameSite?: CookieOptions["sameSite"];
  declare partitioned?: boolean | undefined;
  declare priority?: CookieOptions["priority"];
  declare signed?: boolean | undefined;
  /** What `maxAge` was when it was set, in milliseconds: each request starts it anew. Null: the cookie goes with the browser. */
  declare originalMaxAge: number | null;
  /** Stores of express-session's have come to read it. */
  declare _expires: Date | null | undefined;

  /** Throws a TypeError where the options are no object. */
  constructor(options?: CookieOptions) {
    this.path = "/";
    this._expires = null;
    this.originalMaxAge = null;
    this.httpOnly = true;
    if (!options) return;
    if (typeof options !== "object") throw new TypeError("argument options must be a object");
    for (const key in options) if (key !== "data") Reflect.set(this, key, Reflect.get(options, key));
    this.originalMaxAge ??= this.maxAge as number | null;
  }

  /** When the browser forgets the cookie; null: when it ends. */
  get expires(): Date | null | undefined {
    return this._expires;
  }

  set expires(date: Date | null | undefined) {
    this._expires = date;
    this.originalMaxAge = this.maxAge as number | null;
  }

  /** How long the cookie has still to live, in milliseconds. Null, though express-session's types hide it, where it goes with the browser. */
  get maxAge(): number | undefined {
    const expires = this._expires;
    return (expires instanceof Date ? expires.getTime() - Date.now() : expires) as number | undefined;
  }

  /** Throws a TypeError for what is neither a number nor nothing. */
  set maxAge(ms: number | Date | null | undefined) {
    if (ms && typeof ms !== "number" && !(ms instanceof Date)) throw new TypeError("maxAge must be a number or Date");
    if (ms instanceof Date) deprecate("maxAge as Date; pass number of milliseconds instead");
    this.expires = typeof ms === "number" ? new Date(Date.now() + ms) : ms;
  }

  get data(): CookieData {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    };
  }

  /** The text of a Set-Cookie header. Throws a TypeError where it would be invalid. */
  serialize(name: string, value: string): string {
    return serializeCookie(name, value, this.data);
  }

  toJSON(): CookieData {
    return this.data;
  }
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DOMAIN = /^\.?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const PATH = /^[ -:=-~]*$/;
const PRIORITIES: ReadonlyMap<unknown, string> = new Map([
  ["low", "Low"],
  ["medium", "Medium"],
  ["high", "High"],
]);
const SAME_SITES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [true, "Strict"],
  ["strict", "Strict"],
  ["lax", "Lax"],
  ["none", "None"],
]);

/** Attributes in express-session's order; the value is URI-encoded. */
function serializeCookie(name: string, value: string, cookie: CookieData): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = cookie;
  check(NAME.test(name), "argument name");
  let text = `${name}=${encodeURIComponent(value)}`;
  if (domain) text += `; Domain=${check(DOMAIN.test(domain) && domain, "option domain")}`;
  if (path) text += `; Path=${check(PATH.test(path) && path, "option path")}`;
  if (expires) text += `; Expires=${check(isDate(expires) && expires.toUTCString(), "option expires")}`;
  if (httpOnly) text += "; HttpOnly";
  if (secure) text += "; Secure";
  if (partitioned) text += "; Partitioned";
  if (priority) text += `; Priority=${check(PRIORITIES.get(lower(priority)), "option priority")}`;
  if (sameSite) text += `; SameSite=${check(SAME_SITES.get(lower(sameSite)), "option sameSite")}`;
  return text;
}

const lower = (value: unknown): unknown => (typeof value === "string" ? value.toLowerCase() : value);

const isDate = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime());

function check<T>(valid: T | false | undefined, what: string): T {
  if (!valid) throw new TypeError(`${what} is invalid`);
  return valid;
}
