import type { SessionsOptions } from "../../core/options.ts";
import type { Session } from "../../core/session.ts";
import type { IndexedSessions, Sessions } from "../../core/sessions.ts";
import type { Store } from "../../store.ts";
import type { Gate } from "./schedule.ts";

/** Which of the two that race. */
export type Side = "a" | "b";

/** The entries of the session that they race for. */
export interface Data {
  /** Touched by neither. */
  kept: string;
  /** Written, or counted up, by both. */
  shared: number;
  /** Written by one each. */
  a: string;
  b: string;
}

/** What an operation knows of the session. */
export interface Target {
  readonly handle: string;
  /** Whose session it is, or becomes by a login. */
  readonly userId: string;
  /** Somebody else. */
  readonly otherId: string;
}

/** What one of two does that race: a request, or something from outside. */
export type Operation = Request | Act;

export interface Request {
  readonly kind: "request";
  /** What this request's app has in another way. */
  readonly options?: Omit<SessionsOptions, "store">;
  handle(session: Session<Data>, by: Side, target: Target): unknown;
  /** What it makes of the entries, in whatever state it finds them. */
  effect?(entries: Partial<Data>, by: Side): Partial<Data>;
  /** Whom it logs in. */
  userId?(target: Target): string;
  /** Whether it gives the session a new id, at which the one from before is dead. */
  readonly renames?: true;
  /** Whether it saves nothing that the visitor would miss, so that it isn't refused where it comes too late. */
  readonly silent?: true;
}

export interface Act {
  readonly kind: "act";
  /** Whether it takes a store that finds sessions by user. */
  readonly byUser?: true;
  run(sessions: Sessions<Data>, target: Target, store: Store, gate: Gate): Promise<unknown>;
}

const MINUTE = 60_000;

/** The session's age at the beginning: its touch is due for an app with a short idle time, its new id for one that renews. */
export const AGE = MINUTE;
export const LIFE = 60 * MINUTE;

/** Each is raced against each, itself too. */
export const operations: Readonly<Record<string, Operation>> = {
  read: {
    kind: "request",
    handle: () => {},
  },
  "write the same entry": {
    kind: "request",
    handle(session, by) {
      session.data.shared = VALUES[by];
    },
    effect: (entries, by) => ({ ...entries, shared: VALUES[by] }),
  },
  "write another entry": {
    kind: "request",
    handle(session, by) {
      session.data[by] = "tea";
    },
    effect: (entries, by) => ({ ...entries, [by]: "tea" }),
  },
  update: {
    kind: "request",
    handle: (session) => session.update("shared", (count = 0) => count + 1),
    effect: (entries) => ({ ...entries, shared: (entries.shared ?? 0) + 1 }),
  },
  touch: {
    kind: "request",
    options: { idle: 5 * AGE },
    handle: () => {},
    silent: true,
  },
  renew: {
    kind: "request",
    options: { renew: AGE / 2 },
    handle(session, by) {
      session.data[by] = "tea";
    },
    effect: (entries, by) => ({ ...entries, [by]: "tea" }),
  },
  login: {
    kind: "request",
    handle: (session, _, { userId }) => session.login(userId),
    userId: ({ userId }) => userId,
    renames: true,
  },
  "login of another user": {
    kind: "request",
    handle: (session, _, { otherId }) => session.login(otherId),
    userId: ({ otherId }) => otherId,
    renames: true,
  },
  regenerate: {
    kind: "request",
    handle: (session) => session.regenerate(),
    renames: true,
  },
  destroy: {
    kind: "request",
    handle: (session) => session.destroy(),
  },
  revokeAll: {
    kind: "act",
    byUser: true,
    run: (sessions, { userId }) => (sessions as IndexedSessions<Data>).revokeAll({ userId }),
  },
  expire: {
    kind: "act",
    async run(_sessions, { handle }, store, gate) {
      await gate({ does: "expire" }, () => expire(store, handle));
      await gate({ does: "sweep" }, () => store.sweep(Date.now()));
    },
  },
};

const VALUES = { a: 100, b: 200 };

/** Puts the record's end into the past, as time itself would. */
async function expire(store: Store, handle: string): Promise<void> {
  // Where the other one's change is quicker it may have a new secret meanwhile, but not twice: that one makes no more calls than this.
  for (let attempt = 0; attempt < 3; attempt++) {
    const record = await store.read(handle);
    if (!record) return;
    const { secretHash, touchedAt } = record;
    // Long past: the other one's call may have looked at the clock some time ago.
    const end = { touchedAt, expiresAt: Date.now() - AGE / 2 };
    if ((await store.update(handle, end, { secretHash })).status === "updated") return;
  }
}
