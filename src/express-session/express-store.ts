import { HoldfastError } from "../errors.ts";
import { acceptsSecret, applyChange, type SessionRecord, type Store } from "../store.ts";
import { CALLBACK_METHODS, type CallbackStore, destroyIn, readFrom, writeTo } from "./callback-store.ts";
import { demandMethods, refuseUnknown } from "./check-options.ts";
import { RecentWrites, type Trail } from "./recent-writes.ts";
import { fromRow, toRow } from "./stored-row.ts";
import { inTurn } from "./turns.ts";

/** What another process undid: an `update` that it wrote over, or a `delete` of a session that it brought back. */
export interface LostWrite {
  readonly handle: string;
  readonly lost: "update" | "delete";
}

export interface ExpressStoreOptions {
  /** Called when a read finds that another process undid a write of this one. Default: a warning on the console, once. */
  onLostWrite?: (event: LostWrite) => void;
}

/**
 * Gives any store of express-session's (connect-redis, connect-mongo …) to `createSessions`:
 *
 * ```ts
 * const sessions = createSessions({ store: expressStore(redisStore) });
 * ```
 *
 * Such a store can only read a row and write it whole, so the promises of holdfast's own stores hold within limits:
 *
 * - Within one process nothing is lost: operations on a session take turns.
 * - Between processes a change can be lost, or a logout undone, where two write one session within the same moment. It can't be prevented here. When
 *   this process next reads the session, it reports what it lost to `onLostWrite`, and ends a session again that it had ended. It remembers its last
 *   10,000 writes for that, and a row its last 16.
 * - There is no index, so no `list` and no `revokeAll`: the type is `Store`.
 * - `sweep` does nothing and answers 0: such stores remove what has expired by themselves, or never do.
 *
 * Give it a table or a key prefix of its own: rows are keyed by handles. Each has the JSON form of express-session's, with a property `holdfast` that
 * keeps what is not data. Operations throw `record-corrupt` for a row of another's.
 */
export function expressStore(store: CallbackStore, options: ExpressStoreOptions = {}): Store {
  const { onLostWrite = warnOnce() } = options;
  demandMethods("expressStore", "store", store, CALLBACK_METHODS);
  refuseUnknown("expressStore", options, ["onLostWrite"]);
  const written = new RecentWrites();
  let closed = false;

  /** What is under the handle, expired or not; for those whose turn it is. */
  async function find(handle: string): Promise<ReturnType<typeof fromRow> | undefined> {
    const row = await readFrom(store, handle);
    const found = row && fromRow(row, handle);
    const lost = found && written.lostIn(handle, found.record.version, found.trail);
    if (!lost) return found;
    onLostWrite({ handle, lost });
    if (lost === "update") return found;
    await remove(handle);
    return undefined;
  }

  async function findLive(handle: string): Promise<ReturnType<typeof fromRow> | undefined> {
    const found = await find(handle);
    return found && found.record.expiresAt > Date.now() ? found : undefined;
  }

  async function write(handle: string, record: SessionRecord, before: Trail): Promise<void> {
    const trail = written.extend(before);
    await writeTo(store, handle, toRow(record, trail));
    written.remember(handle, { mark: trail[0]!, version: record.version });
  }

  async function remove(handle: string): Promise<void> {
    await destroyIn(store, handle);
    written.remember(handle, "delete");
  }

  function assertOpen(operation: string): void {
    if (closed) throw new HoldfastError("store-closed", "The store was closed; make a new one.", { operation });
  }

  function turn<T>(operation: string, handle: string, work: () => Promise<T>): Promise<T> {
    assertOpen(operation);
    return inTurn(store, handle, work);
  }

  return {
    read: (handle) => turn("read", handle, async () => (await findLive(handle))?.record),

    create: (handle, record) =>
      turn("create", handle, async () => {
        if (await findLive(handle)) return "exists";
        await write(handle, record, []);
        return "created";
      }),

    update: (handle, change, { secretHash, ifVersion }) =>
      turn("update", handle, async () => {
        const found = await findLive(handle);
        if (!found || !acceptsSecret(found.record, secretHash, Date.now())) return { status: "gone" };
        if (ifVersion !== undefined && ifVersion !== found.record.version) return { status: "conflict" };
        const next = applyChange(found.record, change);
        await write(handle, next, found.trail);
        return { status: "updated", version: next.version };
      }),

    delete: (handle) =>
      turn("delete", handle, async () => {
        const live = (await findLive(handle)) !== undefined;
        await remove(handle);
        return live;
      }),

    sweep() {
      assertOpen("sweep");
      return 0;
    },

    close() {
      closed = true;
    },
  };
}

function warnOnce(): (event: LostWrite) => void {
  let warned = false;
  return ({ handle, lost }) => {
    if (warned) return;
    warned = true;
    console.warn(
      `holdfast: another process undid this one's ${lost} of session ${handle}: a store of express-session's can't keep two processes apart. ` +
        "Move to a store of holdfast's own, or pass expressStore(store, { onLostWrite }) to count how often. It is not said again.",
    );
  };
}
