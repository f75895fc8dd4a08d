import { acceptsSecret, applyChange, type SessionRecord, type Store } from "../../store.ts";

type Operation = "read" | "create" | "update" | "delete";

/** A store in memory whose operations a case can park, fail, hang and count. */
export interface Backend extends Store {
  readonly records: Map<string, SessionRecord>;
  /** The operations so far, in the order of their calls. */
  readonly calls: Operation[];
  /** What an operation awaits before it does its work. What this throws, the operation throws. */
  before: Partial<Record<Operation, () => Promise<void>>>;
  /** Resolves when the next operation of this kind has done its work. */
  done(operation: Operation): Promise<void>;
}

export function backend(): Backend {
  const records = new Map<string, SessionRecord>();
  const calls: Operation[] = [];
  let waiting: { operation: Operation; resolve: () => void }[] = [];

  async function perform<T>(operation: Operation, work: () => T): Promise<T> {
    calls.push(operation);
    await store.before[operation]?.();
    const result = work();
    for (const each of waiting) if (each.operation === operation) each.resolve();
    waiting = waiting.filter((each) => each.operation !== operation);
    return result;
  }

  const live = (handle: string): SessionRecord | undefined => {
    const record = records.get(handle);
    return record && record.expiresAt > Date.now() ? record : undefined;
  };

  const store: Backend = {
    records,
    calls,
    before: {},
    done: (operation) => new Promise((resolve) => waiting.push({ operation, resolve })),
    read: (handle) => perform("read", () => live(handle)),
    create: (handle, record) =>
      perform("create", () => {
        if (records.has(handle)) return "exists";
        records.set(handle, record);
        return "created";
      }),
    update: (handle, change, { secretHash, ifVersion }) =>
      perform("update", () => {
        const record = live(handle);
        if (!record || !acceptsSecret(record, secretHash, Date.now())) return { status: "gone" };
        if (ifVersion !== undefined && ifVersion !== record.version) return { status: "conflict" };
        const next = applyChange(record, change);
        records.set(handle, next);
        return { status: "updated", version: next.version };
      }),
    delete: (handle) => perform("delete", () => records.delete(handle)),
    sweep: async () => 0,
    close: async () => {},
  };
  return store;
}
