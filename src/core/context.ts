import type { Awaitable } from "../store.ts";
import type { Emitter } from "./events.ts";
import type { Settings } from "./options.ts";
import type { RequestHead } from "./transport.ts";

/** What all requests of one `createSessions` share. */
export interface Context {
  /** By what each of its sessions was opened: its mark, for those who have to tell the sessions of two apart. */
  readonly open: unknown;
  readonly settings: Settings;
  readonly emit: Emitter["emit"];
  /** Runs one operation of the store: under the deadline, its failure as a `HoldfastError`. */
  readonly call: <T>(operation: string, run: () => Awaitable<T>) => Awaitable<T>;
  /** Looks for a misconfiguration that keeps this request's client from getting its cookie. */
  readonly check: (head: RequestHead) => void;
}
