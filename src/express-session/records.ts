import type { EntryChanges } from "../core/data.ts";
import { digestSecret, hashSecret, matchSecret } from "../core/id.ts";
import { HoldfastError } from "../errors.ts";
import { applyChange, type Change, type SessionRecord, type Store } from "../store.ts";
import { sessionIdOf } from "./id.ts";
import { difference, isAppsChange, ownEntries, toEntries } from "./rows.ts";
import type { SessionData } from "./session.ts";

/** A session as an express-session object holds it now. */
export interface Snapshot {
  readonly entries: ReadonlyMap<string, string>;
  readonly expiresAt: number;
  /** Whose it is, as the app's `user` says. */
  readonly userId: string | undefined;
}

/** What the object was read from, or last saved as: a save sends what differs. */
export interface Base {
  readonly sid: string;
  /** Only those that the object has taken. */
  readonly entries: ReadonlyMap<string, string>;
  readonly userId: string | undefined;
  /** Whose it is in the record: the native API's `login` says so too. */
  readonly recordUserId: string | undefined;
}

/** So many times another request can be quicker before the store must be broken. */
const MAX_ATTEMPTS = 5;

export type Records = ReturnType<typeof recordsOf>;

/** Sessions by their sids in a holdfast store, each property an entry. */
export function recordsOf(
  store: Store,
  { ttl, user }: { ttl: number; user: ((session: SessionData) => string | number | undefined) | undefined },
) {
  const userOf = (session: SessionData): string | undefined => {
    const userId = user?.(session) ?? undefined;
    return userId === undefined ? undefined : String(userId);
  };

  const expiryOf = ({ cookie }: SessionData): number => {
    const expires = new Date(cookie?.expires || Number.NaN).getTime();
    return Number.isNaN(expires) ? Date.now() + ttl : expires;
  };

  /** To be taken at the call: the object may change while the store works. */
  const snapshot = (session: SessionData): Snapshot => ({
    entries: toEntries(session),
    expiresAt: expiryOf(session),
    userId: userOf(session),
  });

  const baseOf = (sid: string, { entries, userId }: Omit<Snapshot, "expiresAt">, record: SessionRecord): Base => {
    return { sid, entries, userId, recordUserId: record.userId };
  };

  /** The live record that the sid opens. */
  async function read(sid: string): Promise<SessionRecord | undefined> {
    const { handle, secret } = sessionIdOf(sid);
    const record = await store.read(handle);
    return record && (await opens(secret, record)) ? record : undefined;
  }

  /** Saves what differs from the base. Answers the next base. Throws `session-gone`: what is gone is never put back. */
  async function save(sid: string, now: Snapshot, base: Base | undefined): Promise<Base> {
    if (base?.sid !== sid) return put(sid, now);
    const { handle, secret } = sessionIdOf(sid);
    const changes = difference(base.entries, now.entries);
    if (base.userId !== undefined && now.userId === undefined && base.recordUserId === base.userId) {
      return beginAnew(sid, now, changes);
    }
    const change = { ...changeOf(changes, now), ...loginOf(now, base) };
    const { status } = await store.update(handle, change, { secretHash: await hashSecret(secret) });
    // A session that ended meanwhile needs no touch: the handler changed nothing, and its answer stands.
    if (status === "gone" && isAppsChange(changes)) throw gone(handle);
    return { ...base, entries: now.entries, userId: now.userId, recordUserId: now.userId ?? base.recordUserId };
  }

  /** Makes the record what the object is: for one that was not read from here, whatever is there now. */
  async function put(sid: string, now: Snapshot): Promise<Base> {
    const { handle, secret } = sessionIdOf(sid);
    const secretHash = await hashSecret(secret);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const found = await store.read(handle);
      if (found) return save(sid, now, baseOf(sid, { ...now, entries: ownEntries(found.entries) }, found));
      const record = newRecord(now, secretHash);
      if ((await store.create(handle, record)) === "created") return baseOf(sid, now, record);
      // There is one, and no live one: it has expired, and not been swept yet. Or another request was quicker.
      if (attempt > 1) await store.delete(handle);
    }
    throw new HoldfastError(
      "store-failed",
      "The store has no live record under the handle, and can't create one there: it breaks its contract. Run the kit of holdfast/testing on it.",
      { operation: "create" },
    );
  }

  /** The user logged out and kept the id, which no change can say of a record. */
  async function beginAnew(sid: string, now: Snapshot, changes: EntryChanges): Promise<Base> {
    const { handle, secret } = sessionIdOf(sid);
    const found = await store.read(handle);
    if (!found || !(await opens(secret, found)) || !(await store.delete(handle))) throw gone(handle);
    const { userId: _, authenticatedAt: __, ...record } = applyChange(found, changeOf(changes, now));
    if ((await store.create(handle, record)) === "exists") throw gone(handle);
    return baseOf(sid, now, record);
  }

  return {
    snapshot,
    read,
    save,

    /** The base of an object that was just made of the record. */
    base(sid: string, record: SessionRecord, session: SessionData): Base {
      return baseOf(sid, { entries: ownEntries(record.entries), userId: userOf(session) }, record);
    },

    /** Puts the session there unless there is one. */
    async add(sid: string, now: Snapshot): Promise<"created" | "exists"> {
      const { handle, secret } = sessionIdOf(sid);
      return store.create(handle, newRecord(now, await hashSecret(secret)));
    },

    /** Moves the expiry. A session that has ended stays so. */
    async touch(sid: string, session: SessionData): Promise<void> {
      const { handle, secret } = sessionIdOf(sid);
      const change = { touchedAt: Date.now(), expiresAt: expiryOf(session) };
      await store.update(handle, change, { secretHash: await hashSecret(secret) });
    },

    async end(sid: string): Promise<void> {
      await store.delete(sessionIdOf(sid).handle);
    },
  };
}

async function opens(secret: string, record: SessionRecord): Promise<boolean> {
  const match = matchSecret(record, await digestSecret(secret), Date.now());
  return match === "current" || match === "previous";
}

function newRecord({ entries, expiresAt, userId }: Snapshot, secretHash: string): SessionRecord {
  const now = Date.now();
  const times = { createdAt: now, touchedAt: now, expiresAt };
  return { secretHash, entries, ...times, ...(userId !== undefined && { userId, authenticatedAt: now }), version: 1 };
}

function changeOf({ set, remove }: EntryChanges, { expiresAt }: Snapshot): Change {
  const changes = { ...(set.size > 0 && { set }), ...(remove.length > 0 && { remove }) };
  return { ...changes, touchedAt: Date.now(), expiresAt };
}

/** The user is sent where the record doesn't say so already; one who was not there before has just logged in. */
function loginOf({ userId }: Snapshot, base: Base): Pick<Change, "userId" | "authenticatedAt"> {
  if (userId === undefined || userId === base.recordUserId) return {};
  return { userId, ...(userId !== base.userId && { authenticatedAt: Date.now() }) };
}

function gone(handle: string): HoldfastError<"session-gone"> {
  return new HoldfastError(
    "session-gone",
    "The session ended, or got a new id by a login, while this request was under way. What the request changed was not saved.",
    { handle },
  );
}
