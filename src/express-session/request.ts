import type { KeyObject } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { candidates, isBelow as isPathBelow } from "../core/cookie.ts";
import { pathOf } from "../http/head.ts";
import { deprecate } from "./deprecate.ts";
import type { Exchange } from "./exchange.ts";
import type { Settings } from "./options.ts";
import type { Session, SessionData } from "./session.ts";
import { unsign } from "./signature.ts";
import type { Store } from "./store.ts";

/** Where a request keeps its exchange. */
export const EXCHANGE: unique symbol = Symbol("holdfast.express-session");

/** A request of Node's, with what Express and the middleware add to it. */
export interface SessionRequest extends IncomingMessage {
  session: Session & Partial<SessionData>;
  sessionID: string;
  sessionStore: Store;
  originalUrl: string;
  /** By Express, which knows the proxies that the app trusts. */
  secure: boolean;
  protocol: string;
  hostname: string;
  ip: string | undefined;
  path: string;
  get(name: string): string | undefined;
  /** By cookie-parser. */
  secret?: string | undefined;
  cookies?: Record<string, string | undefined>;
  signedCookies?: Record<string, string | false | undefined>;
  /** @internal */
  [EXCHANGE]?: Exchange;
}

/** More cookies of one name than any honest client sends; a good one costs a look into the store, any other a signature. */
const MAX_IDS = 5;
const MAX_COOKIES = 20;

const NO_IDS: string[] = [];

/**
 * The ids in a Cookie header's cookies that are signed with one of the keys, in its order: a browser may send several cookies of the name (other paths, a
 * parent domain), of which the first may be stale or planted.
 */
export function signedIds(header: string | undefined, name: string, keys: readonly KeyObject[]): readonly string[] {
  const values = candidates(header, name);
  let ids: string[] = NO_IDS;
  for (let i = 0; i < values.length && i < MAX_COOKIES && ids.length < MAX_IDS; i++) {
    const id = unsign(decode(values[i]!), keys);
    if (id === undefined || ids.includes(id)) continue;
    if (ids.length === 0) ids = [id];
    else ids.push(id);
  }
  return ids;
}

/** The ids that the client sent, wherever it was that express-session has looked for them. */
export function presentedIds(req: SessionRequest, name: string, keys: readonly KeyObject[]): readonly string[] {
  const ids = signedIds(req.headers.cookie, name, keys);
  if (ids.length > 0 || !(req.signedCookies || req.cookies)) return ids;
  const parsed = parsedId(req, name, keys);
  return parsed ? [parsed] : [];
}

/** What cookie-parser found, or another middleware put where it would. */
function parsedId(
  { signedCookies, cookies }: SessionRequest,
  name: string,
  keys: readonly KeyObject[],
): string | undefined {
  const id = signedCookies?.[name] || unsign(cookies?.[name] ?? "", keys);
  if (id) deprecate("cookie should be available in req.headers.cookie");
  return id;
}

function decode(value: string): string {
  const text = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether the client's connection is https. `proxy` is the option of this name. */
export function isSecure(req: SessionRequest, proxy: boolean | undefined): boolean {
  const socket = (req.connection ?? req.socket) as { encrypted?: boolean } | undefined;
  if (socket?.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return req.secure === true;
  const header = String(req.headers["x-forwarded-proto"] ?? "");
  return header.split(",", 1)[0]!.trim().toLowerCase() === "https";
}

/** Whether the request's path is the cookie's or lies below it, segment by segment. */
export function isBelow(req: SessionRequest, path: string): boolean {
  return path === "/" || isPathBelow(pathOf(req.originalUrl || req.url || "/"), path);
}

/** Puts https-or-not in the place of `"auto"`. */
export function resolveAuto(req: SessionRequest, { proxy }: Pick<Settings, "proxy">): void {
  const { cookie } = req.session;
  if (cookie.secure !== "auto" && cookie.sameSite !== "auto") return;
  const secure = isSecure(req, proxy);
  if (cookie.secure === "auto") cookie.secure = secure;
  if (cookie.sameSite === "auto") cookie.sameSite = secure ? "none" : "lax";
}
