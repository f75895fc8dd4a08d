import type { IncomingMessage } from "node:http";
import type { Exchange } from "./exchange.ts";
import type { Session, SessionData } from "./session.ts";
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
  cookies: Record<string, string | undefined>;
  signedCookies: Record<string, string | false | undefined>;
  /** @internal */
  [EXCHANGE]?: Exchange;
}
