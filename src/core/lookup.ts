import { isHoldfastError } from "../errors.ts";
import { type Awaitable, applyChange, type Change, type SessionRecord } from "../store.ts";
import { after, attempt, isPending } from "./after.ts";
import type { Context } from "./context.ts";
import { type DeviceBound, mayProve, verifyDevice } from "./device.ts";
import { isSealed } from "./encryption.ts";
import type { SessionEvents } from "./events.ts";
import { digestSecret, matchSecret, type SessionId } from "./id.ts";
import { isJustReplaced, isLive } from "./lifetime.ts";
import type { Settings } from "./options.ts";
import type { RequestHead } from "./transport.ts";

/** A stored session as this request knows it. */
export interface Live {
  readonly id: SessionId;
  /** The hash that the store is to find, or within its grace. */
  readonly secretHash: string;
  readonly record: SessionRecord;
  /** Whether `record` is all there was at its version; false once another request's change came between. */
  readonly exact: boolean;
  /** Whether the device shows its proof for the first time: from here on each request must. */
  readonly firstProof?: true;
}

/**
 * What a request's id opened: a session; what another request has just given a new id (`overtaken`), or what is bound to a device that this one doesn't show to be
 * its own, and may yet (`unproven`); nothing; or it can't be told, because the store failed and the request goes on without.
 */
export type Found = Live | Withheld | { readonly failure: unknown } | undefined;

/** The id is right, or was just now: whatever this request does, its client's cookie stays. */
export type Withheld = "overtaken" | "unproven";

/** A session after a change. Its record is put together when asked for: after a response's commit nobody does. */
export class Changed implements Live {
  readonly id: SessionId;
  readonly secretHash: string;
  readonly exact: boolean;
  readonly #before: Live;
  readonly #change: Change;
  readonly #version: number;
  #record: SessionRecord | undefined;

  /** `version` is the one that the store answered; another request's change may have come between. */
  constructor(before: Live, change: Change, version: number) {
    this.id = before.id;
    this.secretHash = before.secretHash;
    this.exact = before.exact && version === before.record.version + 1;
    this.#before = before;
    this.#change = change;
    this.#version = version;
  }

  get record(): SessionRecord {
    this.#record ??= { ...applyChange(this.#before.record, this.#change), version: this.#version };
    return this.#record;
  }
}

/** Whether it opens for anybody, by what it says itself: else it is no session of its user's. */
export function opens(
  record: SessionRecord,
  { limits, encryption }: Pick<Settings, "limits" | "encryption">,
  now: number,
): boolean {
  return isLive(record, limits, now) && (encryption !== undefined || !isSealed(record.entries));
}

export function isSession(found: Found): found is Live {
  return typeof found === "object" && !("failure" in found);
}

export type Lookup = (head: RequestHead, ids: readonly SessionId[]) => Awaitable<Found>;

/** Finds what a request's ids open, and reports those that open nothing. */
export function createLookup({ settings, emit, call }: Context): Lookup {
  const { store, limits, onStoreError } = settings;

  /** What the first of the ids opens that opens anything. */
  function findFirst(head: RequestHead, ids: readonly SessionId[], from = 0, before?: Withheld): Awaitable<Found> {
    const id = ids[from];
    if (!id) return before;
    return after(find(head, id), (found) => {
      if (typeof found === "object") return found;
      return findFirst(head, ids, from + 1, found ?? before);
    });
  }

  /** The live record that the id opens; or that it opened until just now, when another request got a new id for it. */
  function find(head: RequestHead, id: SessionId): Awaitable<Live | Withheld | undefined> {
    const record = read(id.handle);
    const digest = digestSecret(id.secret);
    if (isPending(record) || isPending(digest)) {
      return Promise.all([record, digest]).then(([found, digested]) => found && verify(head, id, found, digested));
    }
    return record && verify(head, id, record, digest);
  }

  /** Reports where there is none, or none that can be read. */
  function read(handle: string): Awaitable<SessionRecord | undefined> {
    const unreadable = (error: unknown): undefined => {
      if (isHoldfastError(error) && error.code === "record-corrupt") return reject("corrupt", handle);
      throw error;
    };
    try {
      const record = call("read", () => store.read(handle));
      if (isPending(record)) return record.then((found) => found ?? reject("unknown", handle), unreadable);
      return record ?? reject("unknown", handle);
    } catch (error) {
      return unreadable(error);
    }
  }

  function verify(
    head: RequestHead,
    id: SessionId,
    record: SessionRecord,
    digest: string,
  ): Awaitable<Live | Withheld | undefined> {
    const { handle } = id;
    const now = Date.now();
    const match = matchSecret(record, digest, now);
    if (match === "wrong") return reject("wrong-secret", handle);
    if (match === "superseded") {
      reject("superseded", handle);
      return isJustReplaced(record, now) ? "overtaken" : undefined;
    }
    if (!isLive(record, limits, now)) {
      emit("expired", { handle });
      return undefined;
    }
    if (!settings.encryption && isSealed(record.entries)) return reject("corrupt", handle);
    // The record's own text: the one made for this request would have to be put together first.
    const secretHash = match === "current" ? record.secretHash : record.previousHash!;
    const live: Live = { id, record, secretHash, exact: true };
    return settings.deviceBound ? ofDevice(head, live, settings.deviceBound) : loaded(live);
  }

  function ofDevice(head: RequestHead, live: Live, device: DeviceBound): Awaitable<Live | "unproven" | undefined> {
    const { handle } = live.id;
    return after(verifyDevice(settings, head, live.record.entries), (verdict) => {
      if (verdict === "unreadable") return reject("corrupt", handle);
      if (verdict === "unproven") {
        reject("unproven", handle);
        // Who has lost the key gets a session as anybody does, or could not log in where a login takes one (OAuth's state, a code by mail).
        return mayProve(head, device) ? "unproven" : undefined;
      }
      return loaded(verdict === "begins" ? { ...live, firstProof: true } : live);
    });
  }

  function loaded(live: Live): Live {
    const { id, record } = live;
    emit("loaded", { handle: id.handle });
    const reseal = settings.encryption?.resealing(id.handle, record);
    // Nobody waits for it: where another request is quicker, or the store fails, the next one tries again.
    if (reseal) Promise.resolve(call("update", reseal)).catch(() => {});
    return live;
  }

  function reject(reason: SessionEvents["rejected"]["reason"], handle?: string): undefined {
    emit("rejected", { reason, handle });
  }

  return (head, ids) => {
    const found = attempt(() => findFirst(head, ids));
    return isPending(found) && onStoreError === "read-only" ? found.catch((failure) => ({ failure })) : found;
  };
}
