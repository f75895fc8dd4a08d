import { HoldfastError, isHoldfastError } from "../errors.ts";
import type { Awaitable, IndexedStore, SessionRecord } from "../store.ts";
import { after } from "./after.ts";
import type { Context } from "./context.ts";
import { crossSite, hasToken, isAmbient, originOf } from "./csrf.ts";
import { createDeadline } from "./deadline.ts";
import { BOUND } from "./device.ts";
import { createDeviceBinding, type DeviceAnswer } from "./device-binding.ts";
import { diagnose } from "./diagnose.ts";
import { createEmitter, type EventListener, type SessionEvents } from "./events.ts";
import { DEVICE, Exchange } from "./exchange.ts";
import { isHandle } from "./id.ts";
import { createLookup, isSession, opens } from "./lookup.ts";
import { assertUser } from "./misuse.ts";
import { type SessionsOptions, settle } from "./options.ts";
import type { Session, SessionData } from "./session.ts";
import { isHttps, type RequestHead } from "./transport.ts";

/** The sessions of one app. */
export interface Sessions<Data extends object = SessionData> {
  /**
   * One request's session: what an adapter calls, and what WebSockets and servers without an adapter can call themselves. Reads the store once where
   * the client sent an id. To be awaited: a store in memory answers at once. Rejects with `store-…` when the store fails.
   */
  open(head: RequestHead): Awaitable<Exchange<Data>>;
  /**
   * Ends a session by its handle. Answers whether there was a live one. A handle is no secret: where it comes from a request, name the user whose
   * session it must be.
   *
   * ```ts
   * await sessions.revoke(req.body.handle, { userId: req.session.userId });   // "sign out this device"
   * ```
   */
  revoke(handle: string, of?: { userId: string | number | undefined }): Promise<boolean>;
  /**
   * With the option `deviceBound`: what to answer a browser that registers its device, or proves it, at that path. For servers that neither `nodeDeviceBinding` nor
   * `fetchDeviceBinding` fits. Rejects with `store-…` when the store fails.
   */
  bindDevice?(head: RequestHead): Promise<DeviceAnswer>;
  /** Removes what has expired, in small batches. Runs by itself once a minute while the process lives. Answers how many. */
  sweep(): Promise<number>;
  /** Calls `listener` at each event of this name. Answers the function that ends it. */
  on<Name extends keyof SessionEvents>(name: Name, listener: EventListener<Name>): () => void;
  /** Stops the sweeping and closes the store. */
  close(): Promise<void>;
}

/** The sessions of an app whose store finds them by user. */
export interface IndexedSessions<Data extends object = SessionData> extends Sessions<Data> {
  /** The user's live sessions, the most lately used first: for a page of "your devices". Without a user (nobody is logged in) there are none. */
  list(of: { userId: string | number | undefined }): Promise<SessionInfo[]>;
  /**
   * Ends the user's sessions, but `except`: a session or its handle. Answers how many. Without a user (nobody is logged in) it ends none.
   *
   * ```ts
   * await sessions.revokeAll({ userId: req.session.userId, except: req.session });   // sign out the other devices
   * ```
   */
  revokeAll(of: { userId: string | number | undefined; except?: Session<Data> | string }): Promise<number>;
}

/** A session as its user may see it. All times are epoch ms. */
export interface SessionInfo {
  readonly handle: string;
  readonly userId: string;
  /** The User-Agent of the login, at most 256 characters. */
  readonly device: string | undefined;
  /** Whether it opens on that device alone: see the option `deviceBound`. */
  readonly isDeviceBound: boolean;
  readonly createdAt: number;
  readonly authenticatedAt: number | undefined;
  /** Last use, to a tenth of the idle timeout. */
  readonly touchedAt: number;
  readonly expiresAt: number;
}

const SWEEP_INTERVAL = 60_000;

/**
 * The sessions of an app. Throws `option-unknown`, `option-invalid` or `option-conflict` where an option can't be meant so.
 *
 * ```ts
 * interface Data { cart: string[]; views: number }
 *
 * const sessions = createSessions<Data>({ store: sqliteStore("sessions.db"), idle: "30m", absolute: "12h" });
 * ```
 */
export function createSessions<Data extends object = SessionData>(
  options: SessionsOptions<IndexedStore>,
): IndexedSessions<Data>;
export function createSessions<Data extends object = SessionData>(options: SessionsOptions): Sessions<Data>;
export function createSessions<Data extends object = SessionData>(options: SessionsOptions): Sessions<Data> {
  const settings = settle(options);
  const { store, serializer, timeout, transport, trustProxy, allowedOrigins, deviceBound } = settings;
  const deadline = createDeadline(timeout);
  const { on, emit } = createEmitter();
  const warned = new Set<string>();

  const context: Context = {
    on,
    settings,
    emit,
    call(operation, run) {
      return deadline(run, (failure) => {
        const error = failure ? failed(operation, failure.cause) : late(operation, timeout);
        emit("storeError", { operation, error });
        return error;
      });
    },
    check(head) {
      const diagnosis = diagnose(head, settings);
      if (!diagnosis || warned.has(diagnosis.code)) return;
      warned.add(diagnosis.code);
      console.warn(`holdfast: ${diagnosis.message}`);
    },
  };
  const { call } = context;
  const lookUp = createLookup(context);

  function info(handle: string, userId: string, record: SessionRecord): SessionInfo {
    const { createdAt, authenticatedAt, touchedAt, expiresAt, entries } = record;
    return {
      handle,
      userId,
      device: deviceIn(entries),
      isDeviceBound: deviceBound !== undefined && entries.has(BOUND),
      createdAt,
      authenticatedAt,
      touchedAt,
      expiresAt,
    };
  }

  function deviceIn(entries: SessionRecord["entries"]): string | undefined {
    const text = entries.get(DEVICE);
    try {
      return text === undefined ? undefined : String(serializer.parse(text));
    } catch {
      // One damaged entry is no reason to show its user none of the sessions.
      return undefined;
    }
  }

  let sweeping: ReturnType<typeof setInterval> | undefined;

  /** Begins with the first request: some runtimes allow no timers before. */
  function keepSwept(): void {
    if (sweeping !== undefined) return;
    sweeping = setInterval(() => void sessions.sweep().catch(() => {}), SWEEP_INTERVAL);
    sweeping.unref?.();
  }

  const sessions: Sessions<Data> & Partial<IndexedSessions<Data>> = {
    open(head) {
      keepSwept();
      const received = transport.receive(head, isHttps(head, trustProxy));
      // What a browser asks there is not its user's, and who it is shows itself there alone: its cookie stays, whatever middleware does.
      if (deviceBound && head.path === deviceBound.path) return new Exchange<Data>(context, head, received, "unproven");
      if (received.presented && received.ids.length === 0) emit("rejected", { reason: "malformed" });
      const origin = allowedOrigins && isAmbient(received) ? originOf(head, allowedOrigins) : "own";
      if (origin === "other") return Promise.reject(crossSite(origin));
      return after(lookUp(head, received.ids), (found) => {
        const exchange = new Exchange<Data>(context, head, received, found);
        if (origin === "own" || !isSession(found)) return exchange;
        return after(hasToken(head, found.id.secret), (has) => (has ? exchange : Promise.reject(crossSite(origin))));
      });
    },

    async revoke(handle, of) {
      if (of === undefined) {
        // An operator's, perhaps of a damaged record: any text.
        if (typeof handle !== "string") return false;
      } else {
        assertUser(of, "revoke");
        // A request's: it may be anything that JSON holds.
        if (!isHandle(handle)) return false;
        const record = await call("read", () => store.read(handle));
        if (of.userId === undefined || record?.userId !== String(of.userId)) return false;
      }
      const ended = await call("delete", () => store.delete(handle));
      if (ended) emit("revoked", { handle });
      return ended;
    },

    async sweep() {
      try {
        return await store.sweep(Date.now());
      } catch (error) {
        emit("storeError", { operation: "sweep", error });
        throw error;
      }
    },

    on,

    ...(deviceBound && { bindDevice: createDeviceBinding(context, deviceBound, lookUp) }),

    async close() {
      clearInterval(sweeping);
      await store.close();
    },
  };

  const { list, deleteAll } = store;
  if (list && deleteAll) {
    sessions.list = async (of) => {
      assertUser(of, "list");
      if (of.userId === undefined) return [];
      const user = String(of.userId);
      const found = await call("list", () => list.call(store, user));
      const now = Date.now();
      return found
        .filter(({ record }) => opens(record, settings, now))
        .map(({ handle, record }) => info(handle, user, record));
    };
    sessions.revokeAll = async (of) => {
      assertUser(of, "revokeAll");
      const { userId, except } = of;
      if (userId === undefined) return 0;
      const kept = typeof except === "object" ? except.handle : except;
      const handles = await call("deleteAll", () => deleteAll.call(store, String(userId), { except: kept }));
      for (const handle of handles) emit("revoked", { handle });
      return handles.length;
    };
  }
  return sessions;
}

function late(operation: string, timeout: number): HoldfastError<"store-timeout"> {
  return new HoldfastError(
    "store-timeout",
    `The session store did not answer to ${operation} within ${timeout} ms. Is its server up and reachable?`,
    { operation, timeout },
  );
}

function failed(operation: string, cause: unknown): HoldfastError {
  if (isHoldfastError(cause)) return cause;
  return new HoldfastError(
    "store-failed",
    `The session store failed to ${operation}; see the error's cause.`,
    { operation },
    { cause },
  );
}
