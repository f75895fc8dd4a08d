import type { ServerResponse } from "node:http";
import type { CookieOptions } from "holdfast";
import type { AppHeaders } from "holdfast/testing";
import type { Guest } from "./guest.ts";
import type { Scan } from "./scan.ts";

/** A session library on a framework and a store, as the attacks see it. What one doesn't have is missing here, and {@link offered} says so. */
export interface Target {
  readonly library: "holdfast" | "express-session";
  /** `Express on SQLite`. */
  readonly name: string;
  /** Throws what the library throws where the options can't be meant so. */
  start(setup?: Setup): Promise<App>;
  /** A well-formed id of the library's that was given to nobody. */
  forgedId(): string;
  /** What of an id must stay with the client. */
  secretOf(id: string): string;
  /** Constructs the library with an empty secret or key. */
  startWeak(): Promise<unknown>;
}

export interface Setup {
  /** By method and path: `POST /slow`. */
  readonly routes?: Routes;
  /** Where the framework has node:http's response, for what only that can do. */
  readonly raw?: (session: Held, response: ServerResponse) => void;
  /** Ms. */
  readonly idle?: number;
  readonly absolute?: number;
  /** How long a session may live at all, by whatever option there is. */
  readonly lifetime?: number;
  readonly cookie?: CookieOptions;
  /** TLS ends at a proxy before the app, which sets X-Forwarded-Proto and is trusted. */
  readonly behindProxy?: boolean;
  /** Encrypts entries at rest; the first key writes. */
  readonly keys?: readonly string[];
  readonly maxPerUser?: { readonly sessions: number; readonly beyond: "evict-oldest" | "refuse" };
  readonly csrf?: true;
  readonly clearSiteData?: true;
  /** Binds sessions to their devices, for ten minutes at a time; browsers ask at `/device`. */
  readonly deviceBound?: true;
  /** Goes on with the rows of that app, as after a restart. */
  readonly after?: App;
}

export type Routes = Readonly<Record<string, (at: At) => Reply | Promise<Reply>>>;

export interface At {
  readonly session: Held;
  /** The request's body. */
  body(): Promise<string>;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: AppHeaders;
  readonly body?: string;
  readonly location?: string;
}

/** What a handler holds of its visitor's session, in words for which every library has something. */
export interface Held {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  all(): object;
  user(): string | undefined;
  /** As the library's README tells to do it. */
  login(user: string): Promise<void>;
  logout(): Promise<void>;
  /** A new id for the same visitor, who stays logged in. */
  rotate(): Promise<void>;
  save(): Promise<void>;
  reload(): Promise<void>;
  /** All ways in which a log would show it. */
  shown(): string;
  isNew(): boolean;
  update?(name: string, fn: (current: unknown) => unknown): Promise<unknown>;
  handle?(): string;
  requireFresh?(maxAge: number): void;
  reauthenticate?(): Promise<void>;
  authenticatedAt?(): number | undefined;
  csrfToken?(): Promise<string | undefined>;
}

export interface App {
  readonly url: string;
  /** Of the cookie over plain http. */
  readonly cookieName: string;
  visitor(): Guest;
  /** Every row of the store, as whoever copies the database sees it. */
  rows(): Promise<string[]>;
  /** What the store was asked for by, so far. */
  readonly asked: readonly string[];
  /** What came to the framework's error handler. */
  readonly errors: readonly unknown[];
  /** Lets so much time pass, for the app and for the store. */
  elapse(ms: number): Promise<void>;
  /** From here on the store fails to do this. */
  breakStore(operation: "read" | "write"): void;
  /** Whether the store itself still serves the record of this id. */
  isServed(id: string): Promise<boolean>;
  /** The next new session gets the name of that one, in the store. */
  collide(id: string): void;
  /** The events so far. */
  readonly events?: readonly { readonly name: string; readonly event: object }[];
  endAll?(user: string, except?: string): Promise<number>;
  list?(user: string): Promise<readonly object[]>;
  end?(handle: string, of?: { userId: string | undefined }): Promise<boolean>;
  /** Puts a text into a stored entry, past the library; without a text, answers the one that is there. */
  entryAtRest?(id: string, entry: string, text?: string): Promise<string>;
  readonly scan: Scan;
  close(): Promise<void>;
}

/** The library has nothing for it, so there is nothing that could hold or fail. */
export class NotOffered extends Error {}

/** The attack needs what this framework can't do. */
export class NotApplicable extends Error {}

export function offered<T>(feature: T | undefined, name: string): T {
  if (feature === undefined) throw new NotOffered(`There is no ${name}.`);
  return feature;
}

/** One attack, or one requirement: what is done to a target, and what must come of it. */
export interface Probe {
  readonly number: number;
  /** What holds where it passes; with the CVEs or the standard's references. */
  readonly name: string;
  /** Why holdfast doesn't hold it yet: its test is expected to fail, and complains once it passes. */
  readonly open?: string;
  /** Rejects with an AssertionError where it doesn't hold, with {@link NotOffered} where there is nothing to try. */
  run(start: Start, target: Target): Promise<void>;
}

export type Start = (setup?: Setup) => Promise<App>;

/** Runs a probe and closes what it started. */
export async function probe(target: Target, { run }: Probe): Promise<void> {
  const apps: App[] = [];
  try {
    await run(async (setup) => {
      const app = await target.start(setup);
      apps.push(app);
      return app;
    }, target);
  } catch (error) {
    // A handler found that there is nothing to try, and the probe met the error's response.
    throw apps.flatMap(({ errors }) => errors).find((each) => each instanceof NotOffered) ?? error;
  } finally {
    for (const app of apps.reverse()) await app.close();
  }
}

export const titleOf = ({ number, name }: Probe): string => `${number}. ${name}`;
