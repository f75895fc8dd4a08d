import { EventEmitter } from "node:events";
import type { SessionData } from "./session.ts";
import { type Callback, callable, Store } from "./store.ts";

type Sessions = { [sid: string]: SessionData };

/** Sessions in this process's memory, for development: they are lost at a restart, and those that nobody asks for stay for ever. */
class BaseMemoryStore extends Store {
  /** The sessions' JSON by their ids. */
  declare sessions: { [sid: string]: string };

  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    process.nextTick(callback, null, read(this, sid));
  }

  set(sid: string, session: SessionData, callback?: Callback): void {
    this.sessions[sid] = JSON.stringify(session);
    if (callback) process.nextTick(callback);
  }

  destroy(sid: string, callback?: Callback): void {
    delete this.sessions[sid];
    if (callback) process.nextTick(callback);
  }

  override touch(sid: string, session: SessionData, callback?: Callback): void {
    // A cookie that goes with the browser is as it was: there is nothing to write.
    if (!this.sessions[sid]?.startsWith(`{"cookie":${JSON.stringify(session.cookie)}`)) {
      const kept = read(this, sid);
      if (kept) this.sessions[sid] = JSON.stringify({ ...kept, cookie: session.cookie });
    }
    if (callback) process.nextTick(callback);
  }

  override all(callback?: (error: unknown, sessions?: Sessions | null) => void): void {
    if (callback) process.nextTick(callback, null, readAll(this));
  }

  override length(callback: (error: unknown, length?: number) => void): void {
    process.nextTick(callback, null, Object.keys(readAll(this)).length);
  }

  override clear(callback?: Callback): void {
    this.sessions = Object.create(null);
    if (callback) process.nextTick(callback);
  }
}

function readAll(store: BaseMemoryStore): Sessions {
  const found: Sessions = Object.create(null);
  for (const sid of Object.keys(store.sessions)) {
    const session = read(store, sid);
    if (session) found[sid] = session;
  }
  return found;
}

/** Expired ones are forgotten as they are found. */
function read({ sessions }: BaseMemoryStore, sid: string): SessionData | undefined {
  const text = sessions[sid];
  if (!text) return undefined;
  const session = JSON.parse(text) as SessionData;
  const expires = session.cookie?.expires;
  const isExpired = expires && new Date(expires).getTime() <= Date.now();
  if (!isExpired) return session;
  delete sessions[sid];
  return undefined;
}

export type MemoryStore = BaseMemoryStore;
export const MemoryStore: typeof BaseMemoryStore = callable(BaseMemoryStore, (store) => {
  EventEmitter.call(store);
  store.sessions = Object.create(null);
});
