import { hashSecret, newSecret } from "../core/id.ts";
import type { Store } from "../store.ts";
import { type CallbackStore, destroyIn, readFrom } from "./callback-store.ts";
import { derivedHandle, sessionIdOf } from "./id.ts";
import type { Records } from "./records.ts";
import type { SessionData } from "./session.ts";

/** What was moved or revoked is remembered for as long as browsers keep a cookie, in ms. */
const REMEMBERED = 400 * 86_400_000;

export type Moving = ReturnType<typeof moving>;

/**
 * Moves sessions over from the store that an app had before, each when it first comes. The old store keeps its copy, for the day of a rollback; so
 * that a copy never brings back what has ended here since, a small record remembers that it was moved.
 */
export function moving(store: Store, records: Records, previous: CallbackStore) {
  const moved = (sid: string) => derivedHandle(`moved:${sid}`);
  const revoked = (userId: string) => derivedHandle(`revoked:${userId}`);

  async function remember(handle: string): Promise<"created" | "exists"> {
    const now = Date.now();
    const times = { createdAt: now, touchedAt: now, expiresAt: now + REMEMBERED };
    // Of a secret that nobody knows: the record opens nothing.
    const secretHash = await hashSecret(newSecret());
    return store.create(handle, { secretHash, entries: new Map(), ...times, version: 1 });
  }

  return {
    /** Called where this store has no session: puts there what the previous one has, unless that was done before. */
    async bring(sid: string): Promise<void> {
      if (await store.read(moved(sid))) return;
      const session = await readFrom<SessionData>(previous, sid);
      if (!session) return;
      const snapshot = records.snapshot(session);
      // Who put it there sees to the rest.
      if ((await records.add(sid, snapshot)) === "exists") return;
      // It may have been ended meanwhile: by a logout, which takes it from the previous store first and from here then; by one everywhere, which is
      // written down; or by its handle, after another request had moved it.
      const { userId } = snapshot;
      const ended =
        !(await readFrom(previous, sid)) ||
        (userId !== undefined && (await store.read(revoked(userId))) !== undefined) ||
        (await remember(moved(sid))) === "exists";
      if (ended) await store.delete(sessionIdOf(sid).handle);
    },

    /** Before the session is ended here. */
    end: (sid: string): Promise<void> => destroyIn(previous, sid),

    /** Before the user's sessions are ended here: none of those that wait in the previous store is moved any more. */
    revoke: (userId: string) => remember(revoked(userId)),
  };
}
