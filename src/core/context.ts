import type { Awaitable } from "../store.ts";
import type { Emitter } from "./events.ts";
import type { Settings } from "./options.ts";
import type { RequestHead } from "./transport.ts";

/** What all requests of one `createSessions` share. */
export interface Context {
  /** The function that sessions of one `createSessions` share with no other: their mark, which copies and wrappers of them keep. */
  readonly on: Emitter["on"];
  readonly settings: Settings;
  readonly emit: Emitter["emit"];
  /** Runs one operation of the store: under the deadline, its failure as a `HoldfastError`. */
  readonly call: <T>(operation: string, run: () => Awaitable<T>) => Awaitable<T>;
  /** Looks for a misconfiguration that keeps this request's client from getting its cookie. */
  readonly check: (head: RequestHead) => void;
}
