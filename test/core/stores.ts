import type { Awaitable, IndexedStore } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";

type Method = "read" | "create" | "update" | "delete";

/** A memory store that writes down which methods were called, and lets a test step in before each. */
export interface WatchedStore extends IndexedStore {
  readonly calls: string[];
  /** Awaited before each call: a test may park it, or throw. */
  before: (method: Method) => void | Promise<void>;
}

export function watchedStore(): WatchedStore {
  const store = memoryStore();
  const calls: string[] = [];
  const watched: WatchedStore = { ...store, calls, before: () => {} };
  const watch = async <T>(method: Method, call: () => Awaitable<T>): Promise<T> => {
    calls.push(method);
    await watched.before(method);
    return call();
  };
  watched.read = (handle) => watch("read", () => store.read(handle));
  watched.create = (handle, record) => watch("create", () => store.create(handle, record));
  watched.update = (handle, change, condition) => watch("update", () => store.update(handle, change, condition));
  watched.delete = (handle) => watch("delete", () => store.delete(handle));
  return watched;
}
