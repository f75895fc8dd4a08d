import { type Duration, milliseconds } from "../core/duration.ts";
import type { SessionInfo } from "../core/sessions.ts";
import type { Store as HoldfastStore, IndexedStore } from "../store.ts";
import { CALLBACK_METHODS, type CallbackStore } from "./callback-store.ts";
import { demandMethods, refuseUnknown } from "./check-options.ts";
import { sessionIdOf } from "./id.ts";
import { type Moving, moving } from "./moving.ts";
import { type Base, type Records, recordsOf } from "./records.ts";
import type { SessionRequest } from "./request.ts";
import { keepsCookie, ownEntries, toSession } from "./rows.ts";
import type { Session, SessionData } from "./session.ts";
import { type Callback, Store } from "./store.ts";

export interface ToExpressStoreOptions {
  /** How long a session without `cookie.maxAge` lives after its last use. Default: `"1d"`. */
  ttl?: Duration;
  /** Whose session it is, so that `list` and `revokeAll` find it: `(session) => session.passport?.user`. Undefined: nobody's. */
  user?: (session: SessionData) => string | number | undefined;
  /**
   * The store that the app's sessions were in before. A session that is not here yet is moved over when it first comes, so nobody is logged out; it
   * stays there as it was then, for a rollback, until it is destroyed here.
   */
  previous?: CallbackStore;
}

/** A session as its user may see it. All times are epoch ms. */
export type StoredSession = Omit<SessionInfo, "device" | "isDeviceBound">;

/** What an indexed store adds: sessions by user, as `options.user` says whose they are. */
export interface ByUser {
  /** The user's live sessions, the most lately used first. */
  list(userId: string | number): Promise<StoredSession[]>;
  /** Ends the user's sessions, but the one with the sid `except` (`req.sessionID`). Answers how many. */
  revokeAll(userId: string | number, options?: { except?: string }): Promise<number>;
  /** Ends the session with this handle. Answers whether there was a live one. */
  revoke(handle: string): Promise<boolean>;
}

/**
 * Gives a holdfast store to express-session, the package itself or our drop-in:
 *
 * ```ts
 * app.use(session({ store: toExpressStore(sqliteStore("sessions.db")), secret, resave: false, saveUninitialized: false }));
 * ```
 *
 * Each property of the session is an entry of its own, and a save sends what the request changed: two requests that change different properties
 * both win. A session that was destroyed stays so: what a slow request changed in it answers the error `session-gone`. Sids are not in the store,
 * only hashes of them. `createSessions` can run on the same rows, and with `expressTransport` on the same cookies.
 *
 * A session object that was not read from here (a plain one) replaces what is there. Without a callback, methods answer promises. Throws
 * `option-unknown` or `option-invalid` where an option can't be meant so.
 */
export function toExpressStore(store: IndexedStore, options?: ToExpressStoreOptions): BridgeStore & ByUser;
export function toExpressStore(store: HoldfastStore, options?: ToExpressStoreOptions): BridgeStore;
export function toExpressStore(
  store: HoldfastStore & Partial<IndexedStore>,
  options: ToExpressStoreOptions = {},
): BridgeStore & Partial<ByUser> {
  const { ttl = "1d", user, previous } = options;
  demandMethods("toExpressStore", "store", store, ["read", "create", "update", "delete"]);
  refuseUnknown("toExpressStore", options, ["ttl", "user", "previous"]);
  if (previous) demandMethods("toExpressStore", "previous", previous, CALLBACK_METHODS);
  const records = recordsOf(store, { ttl: milliseconds(ttl, "ttl"), user });
  const former = previous && moving(store, records, previous);
  const bridge: BridgeStore & Partial<ByUser> = new BridgeStore(records, former);
  const { list, deleteAll } = store;
  if (!list || !deleteAll) return bridge;
  return Object.assign(bridge, {
    async list(userId: string | number) {
      const found = await list.call(store, String(userId));
      return found.map(({ handle, record: { createdAt, authenticatedAt, touchedAt, expiresAt } }) => {
        return { handle, userId: String(userId), createdAt, authenticatedAt, touchedAt, expiresAt };
      });
    },
    async revokeAll(userId: string | number, { except }: { except?: string } = {}) {
      await former?.revoke(String(userId));
      const kept = except === undefined ? undefined : sessionIdOf(except).handle;
      return (await deleteAll.call(store, String(userId), { except: kept })).length;
    },
    async revoke(handle: string) {
      return store.delete(handle);
    },
  } satisfies ByUser);
}

/** What express-session may be given where it takes a store. */
export function isHoldfastStore(store: object): store is HoldfastStore {
  return "read" in store && "create" in store && "update" in store;
}

/** A holdfast store as express-session's. */
export class BridgeStore extends Store {
  readonly #records: Records;
  readonly #former: Moving | undefined;
  /** What each session object was read from, or last saved as. */
  readonly #bases = new WeakMap<object, Base>();
  /** One save of an object at a time: each goes on from what the one before left. */
  readonly #saving = new WeakMap<object, Promise<void>>();

  constructor(records: Records, former: Moving | undefined) {
    super();
    this.#records = records;
    this.#former = former;
  }

  get(sid: string): Promise<SessionData | undefined>;
  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
  get(sid: string, callback?: (error: unknown, session?: SessionData | null) => void): unknown {
    return answer(this.#get(sid), callback);
  }

  /** Fails with `session-gone` where the session ended after it was read, and with it the changes. */
  set(sid: string, session: SessionData): Promise<void>;
  set(sid: string, session: SessionData, callback: Callback | undefined): void;
  set(sid: string, session: SessionData, callback?: Callback): unknown {
    return answer(this.#set(sid, session), callback);
  }

  override touch(sid: string, session: SessionData): Promise<void>;
  override touch(sid: string, session: SessionData, callback: Callback | undefined): void;
  override touch(sid: string, session: SessionData, callback?: Callback): unknown {
    return answer(this.#records.touch(sid, session), callback);
  }

  destroy(sid: string): Promise<void>;
  destroy(sid: string, callback: Callback | undefined): void;
  destroy(sid: string, callback?: Callback): unknown {
    return answer(this.#destroy(sid), callback);
  }

  override createSession(req: SessionRequest, data: SessionData): Session & SessionData {
    const base = this.#bases.get(data);
    if (base && !keepsCookie(base.entries)) data.cookie = this.#configuredCookie(req) ?? data.cookie;
    const session = super.createSession(req, data);
    // A session object takes no property that has a method's name: one it doesn't show is not one that the app removed.
    if (base) this.#bases.set(session, { ...base, entries: ownEntries(base.entries, session) });
    return session;
  }

  async #get(sid: string): Promise<SessionData | undefined> {
    let record = await this.#records.read(sid);
    if (!record && this.#former) {
      await this.#former.bring(sid);
      record = await this.#records.read(sid);
    }
    if (!record) return undefined;
    const session = toSession(record, sessionIdOf(sid).handle);
    this.#bases.set(session, this.#records.base(sid, record, session));
    return session;
  }

  async #set(sid: string, session: SessionData): Promise<void> {
    const now = this.#records.snapshot(session);
    const save = async (): Promise<void> => {
      this.#bases.set(session, await this.#records.save(sid, now, this.#bases.get(session)));
    };
    const before = this.#saving.get(session) ?? Promise.resolve();
    const saving = before.then(save, save);
    this.#saving.set(session, saving);
    await saving;
  }

  async #destroy(sid: string): Promise<void> {
    await this.#former?.end(sid);
    await this.#records.end(sid);
  }

  /** Of a session that the native API began: the cookie that a new session would have. */
  #configuredCookie(req: SessionRequest): SessionData["cookie"] | undefined {
    // `load` has no request to ask for one.
    if (!this.generate || !req.headers) return undefined;
    const probe: SessionRequest = Object.create(req);
    this.generate(probe);
    return probe.session.cookie.toJSON() as SessionData["cookie"];
  }
}

/** To the callback, or as a promise where there is none. */
function answer<T>(result: Promise<T>, callback: ((error: unknown, value?: NoInfer<T>) => void) | undefined): unknown {
  if (!callback) return result;
  // Not within the promise: what a callback throws is the process's to hear of.
  result.then(
    (value) => process.nextTick(callback, null, value),
    (error) => process.nextTick(callback, error),
  );
}
