import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { CallbackStore } from "../../src/express-session/callback-store.ts";
import session from "../../src/express-session/index.ts";

type Done = (error?: unknown) => void;

/** A session of express-session's, as an app without types sees it. */
export interface LooseSession {
  [entry: string]: unknown;
  cookie: {
    maxAge?: number | null;
    expires?: Date | null;
    originalMaxAge: number | null;
    path?: string;
    toJSON(): object;
  };
  save(done: Done): void;
  regenerate(done: Done): void;
  reload(done: Done): void;
  destroy(done: Done): void;
}

export interface LooseRequest extends IncomingMessage {
  session: LooseSession;
  sessionID: string;
}

export interface LooseOptions {
  store?: object;
  secret?: string | string[];
  name?: string;
  resave?: boolean;
  saveUninitialized?: boolean;
  rolling?: boolean;
  cookie?: { maxAge?: number; path?: string; sameSite?: "lax" | "strict"; httpOnly?: boolean };
  genid?: () => string;
}

export type LooseMiddleware = (req: IncomingMessage, res: ServerResponse, next: Done) => void;

export interface LoosePackage {
  (options: LooseOptions): LooseMiddleware;
  MemoryStore: new () => CallbackStore & { sessions: Record<string, string> };
}

// Without its types: @types/express-session and holdfast/express both declare `req.session`.
export const original = createRequire(import.meta.url)("express-session") as LoosePackage;

export const dropIn = session as unknown as LoosePackage;

export const packages: [string, LoosePackage][] = [
  ["express-session", original],
  ["holdfast/express-session", dropIn],
];

export const SECRET = "tea";

export type Handler = (req: LooseRequest, res: ServerResponse) => unknown;

/** Opens a browser at an app, new or with these cookies. */
export type Open = (cookies?: Map<string, string>) => Browser;

/** A client that keeps its cookies, by name. */
export interface Browser {
  cookies: Map<string, string>;
  /** Answers what the handler ended with, as JSON. */
  get(path: string): Promise<{ status: number; body: unknown; setCookie: string[] }>;
  /** Another one with the same cookies. */
  twin(): Browser;
  /** The same cookies at another app. */
  on(other: Open): Browser;
}

/** An app that keeps its sessions with these options. What a handler answers is sent; what goes to `next` too, as a 500. */
export async function app(session: LoosePackage, options: LooseOptions, handler: Handler): Promise<Open> {
  const middleware = session({ secret: SECRET, resave: false, saveUninitialized: false, ...options });
  return serve((req, res) => {
    const fail: Done = (error) => {
      if (res.headersSent) return;
      res.statusCode = (error as { status?: number }).status ?? 500;
      res.end(JSON.stringify((error as { code?: string }).code ?? String(error)));
    };
    middleware(req, res, async (error) => {
      if (error) return fail(error);
      try {
        const body = await handler(req as LooseRequest, res);
        if (!res.writableEnded) res.end(JSON.stringify(body ?? null));
      } catch (failure) {
        fail(failure);
      }
    });
  });
}

export async function serve(listener: RequestListener): Promise<Open> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return (cookies) => browser(url, cookies);
}

function browser(url: string, cookies: Map<string, string> = new Map()): Browser {
  return {
    cookies,
    async get(path) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const response = await fetch(url + path, { headers: cookie ? { cookie } : {} });
      const setCookie = response.headers.getSetCookie();
      for (const line of setCookie) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value) cookies.set(name, value);
        else cookies.delete(name);
      }
      const text = await response.text();
      return { status: response.status, body: text.startsWith("<") ? text : JSON.parse(text), setCookie };
    },
    twin: () => browser(url, new Map(cookies)),
    on: (other) => other(cookies),
  };
}

/** A session's method, as a promise. */
export function called(session: LooseSession, method: "save" | "regenerate" | "reload" | "destroy"): Promise<void> {
  return new Promise((resolve, reject) => session[method]((error) => (error ? reject(error) : resolve())));
}
