import assert from "node:assert/strict";
import type { SessionsOptions } from "../../core/options.ts";
import type { Session } from "../../core/session.ts";
import { createSessions, type Sessions } from "../../core/sessions.ts";
import { type AnyHoldfastError, type ErrorCode, isHoldfastError } from "../../errors.ts";
import type { AdapterApp, AppHeaders, AppReply, AppRequest, SentReply, Serve } from "../adapters.ts";
import { type Backend, backend } from "./backend.ts";
import { type Call, speakHttp1, Visitor } from "./client.ts";

export type Data = Record<string, unknown>;

export interface At {
  readonly session: Session<Data>;
  readonly request: AppRequest;
}

/** Handlers by method and path: `POST /login`. */
export type Routes = Readonly<Record<string, (at: At) => AppReply | Promise<AppReply>>>;

/** A server of the framework under test, with what a case needs around it. */
export interface World {
  readonly store: Backend;
  readonly sessions: Sessions<Data>;
  /** What the framework's error handler was called with. */
  readonly errors: readonly unknown[];
  readonly https: boolean;
  /** A client without cookies yet. */
  visitor(): Visitor;
}

export type Start = (routes?: Routes, options?: Omit<SessionsOptions, "store">) => Promise<World>;

/** What adapters promise, each sentence with the code that holds one to it. */
export type Cases = Record<string, (start: Start) => Promise<void>>;

/** Runs a case's body, and then closes the servers it started. */
export async function withServers(serve: Serve, body: (start: Start) => Promise<void>): Promise<void> {
  const closing: (() => Promise<void>)[] = [];
  const start: Start = async (routes = {}, options = {}) => {
    const store = backend();
    const errors: unknown[] = [];
    const sessions = createSessions<Data>({ store, ...options });
    const { url, close, speak = speakHttp1 } = await serve(sessions, app({ ...common, ...routes }, errors));
    closing.push(close, () => sessions.close());
    const visitor = (): Visitor => new Visitor(url, speak);
    return { store, sessions, errors, https: url.startsWith("https:"), visitor };
  };
  try {
    await body(start);
  } finally {
    for (const close of closing) await close();
  }
}

function app(routes: Routes, errors: unknown[]): AdapterApp {
  return {
    async handle(request, session) {
      const method = request.method === "HEAD" ? "GET" : request.method;
      const handler = routes[`${method} ${request.path}`];
      if (!handler) return send(404, {}, "no such page");
      return handler({ request, session: session as Session<Data> });
    },
    onError(error) {
      errors.push(error);
      const { status, code, message } = error as AnyHoldfastError;
      return send(status ?? 500, {}, code ?? message);
    },
  };
}

/** What most cases need. */
const common: Routes = {
  "GET /plain": () => text("plain"),
  "GET /data": ({ session }) => text(JSON.stringify(session.data)),
  "GET /user": ({ session }) => text(session.userId ?? "nobody"),
  "POST /a": ({ session }) => {
    session.data.a = 1;
    return text("a");
  },
  "POST /b": ({ session }) => {
    session.data.b = 2;
    return text("b");
  },
  "POST /login": async ({ session }) => {
    await session.login("ada");
    return redirect("/user");
  },
  "POST /logout": async ({ session }) => {
    await session.destroy();
    return redirect("/plain");
  },
};

export const send = (status: number, headers: AppHeaders, body?: string): SentReply => ({
  kind: "send",
  status,
  headers,
  body,
});
export const text = (body: string): SentReply => send(200, { "content-type": "text/plain" }, body);
export const redirect = (location: string): AppReply => ({ kind: "redirect", location });
export const stream = (chunks: () => AsyncIterable<string>, headers: AppHeaders = {}): AppReply => ({
  kind: "stream",
  headers: { "content-type": "text/plain", ...headers },
  chunks: chunks(),
});

/** A place where the code under test is stopped, for a case to do something meanwhile. */
export class Stop {
  #reach = (): void => {};
  #go = (): void => {};
  /** Resolves when someone has come here. */
  readonly reached = new Promise<void>((resolve) => {
    this.#reach = resolve;
  });
  readonly #gone = new Promise<void>((resolve) => {
    this.#go = resolve;
  });

  /** Stops who comes, until `go`. */
  readonly here = (): Promise<void> => {
    this.#reach();
    return this.#gone;
  };

  readonly go = (): void => this.#go();
}

export const failing = async (): Promise<never> => {
  throw new Error("the store is down");
};

/** Has a visitor with a stored session, `{ a: 1 }`. */
export async function returning(world: World): Promise<Visitor> {
  const visitor = world.visitor();
  const { status, cookies } = await visitor.post("/a");
  assert.deepEqual([status, cookies.length], [200, 1]);
  return visitor;
}

/** Asserts that nothing of the call's answer has left the server, by round trips that would have overtaken it. */
export async function assertHeld(world: World, call: Call): Promise<void> {
  for (let i = 0; i < 3; i++) await world.visitor().get("/plain");
  assert.equal(call.answered, false, "the response left before the session was saved");
}

export function assertErrors({ errors }: World, ...codes: ErrorCode[]): void {
  assert.deepEqual(
    errors.map((error) => (isHoldfastError(error) ? error.code : error)),
    codes,
  );
}

export const cookieName = ({ https }: World): string => (https ? "__Host-sid" : "sid");
