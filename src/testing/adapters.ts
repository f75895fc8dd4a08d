import type { Sessions } from "../core/sessions.ts";
import { bearers } from "./adapters/bearers.ts";
import type { Speak } from "./adapters/client.ts";
import { commits } from "./adapters/commits.ts";
import { cookies } from "./adapters/cookies.ts";
import { failures } from "./adapters/failures.ts";
import { type Data, withServers } from "./adapters/fixtures.ts";
import { origins } from "./adapters/origins.ts";
import { overlaps } from "./adapters/overlaps.ts";
import { streams } from "./adapters/streams.ts";

export type { Call, Head, RequestToSend, Speak } from "./adapters/client.ts";

/** What each case's app does, in terms that every framework has. */
export interface AdapterApp {
  /** Answers a request; `session` is what the adapter gave it. What this rejects with goes to the framework's error handling. */
  handle(request: AppRequest, session: unknown): Promise<AppReply>;
  /** To be called by the framework's error handler with each error. Answers what is to be sent, where the headers have not left. */
  onError(error: unknown): SentReply;
}

export interface AppRequest {
  readonly method: string;
  readonly path: string;
  /** The body as it comes in. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type AppHeaders = Readonly<Record<string, string | string[]>>;

export interface SentReply {
  readonly kind: "send";
  readonly status: number;
  readonly headers: AppHeaders;
  readonly body: string | undefined;
}

export type AppReply =
  | SentReply
  | { readonly kind: "redirect"; readonly location: string }
  /** With status 200, each chunk as it comes. */
  | { readonly kind: "stream"; readonly headers: AppHeaders; readonly chunks: AsyncIterable<string> };

export interface AdapterServer {
  /** `http://127.0.0.1:3000`. For https any certificate will do. */
  readonly url: string;
  /** Stops the server, and cuts what is still connected. */
  close(): Promise<void>;
  /** How to talk to it. Default: by HTTP/1.1. */
  readonly speak?: Speak;
}

/** Starts a server of the framework, with the adapter under test and `app` behind it. */
export type Serve = (sessions: Sessions<Data>, app: AdapterApp) => Promise<AdapterServer>;

/** One promise of every adapter, and the code that holds one to it. */
export interface AdapterCase {
  readonly name: string;
  /** Rejects with an `AssertionError` when the adapter breaks its word. */
  run(): Promise<void>;
}

/**
 * What every adapter promises, as cases for any test runner: each starts a server of the framework by `serve`, and talks to it over the network.
 * They run one after another, as one of them listens to `console.warn`.
 *
 * ```ts
 * import { adapterCases } from "holdfast/testing";
 * import { test } from "vitest";
 *
 * for (const { name, run } of adapterCases(serve)) test(name, run);
 * ```
 */
export function adapterCases(serve: Serve): AdapterCase[] {
  return Object.entries({ ...cookies, ...bearers, ...origins, ...commits, ...failures, ...overlaps, ...streams }).map(
    ([name, body]) => ({
      name,
      run: () => withServers(serve, body),
    }),
  );
}
