import { isSessionGone } from "../core/misuse.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";

/** One socket among those that close with their session. */
export interface Member {
  readonly hasEnded: boolean;
  /** The session has ended: closes the socket, once. */
  end(): void;
  /** Says how; closes it now where the session has ended already. */
  closeBy(close: () => void): void;
  /** The socket is closed, and watched no longer. */
  leave(): void;
}

interface Watched extends Member {
  check(): Promise<void>;
}

export interface Watch<Data extends object> {
  /** Watches the session that `open` finds. What ends it while `open` is under way is not missed. */
  join(open: () => Promise<Session<Data>>): Promise<{ session: Session<Data>; member: Member }>;
}

/** So many reads of one check are under way at a time, so that it is no burst for the store. */
const CONCURRENT_CHECKS = 16;

/**
 * Closes sockets when their sessions end: at once where this process ends them, by a look into the store once in `interval` ms where another does, or time.
 * While there are no sockets, it has no listener and no timer.
 */
export function watchSessions<Data extends object>(sessions: Sessions<Data>, interval: number): Watch<Data> {
  const members = new Map<string, Set<Watched>>();
  /** Of each handshake under way, what has happened to which sessions since it began. */
  const handshakes = new Set<Set<string>>();
  let stop: (() => void) | undefined;
  let isChecking = false;

  function start(): () => void {
    const ended = ({ handle }: { handle: string }): void => {
      for (const missed of handshakes) missed.add(handle);
      for (const member of [...(members.get(handle) ?? [])]) member.end();
    };
    const doubted = (handle: string): void => {
      for (const missed of handshakes) missed.add(handle);
      for (const member of members.get(handle) ?? []) void member.check();
    };
    const listening = [
      sessions.on("destroyed", ended),
      sessions.on("revoked", ended),
      sessions.on("evicted", ended),
      sessions.on("expired", ended),
      // By a login, and the old id is dead; or by age, and it lives on for a while.
      sessions.on("rotated", ({ handle }) => doubted(handle)),
      // A request has found what another process has ended.
      sessions.on("rejected", ({ reason, handle }) => {
        if (reason === "unknown" && handle !== undefined) doubted(handle);
      }),
    ];
    const timer = setInterval(() => void checkAll(), interval);
    timer.unref();
    return () => {
      clearInterval(timer);
      for (const end of listening) end();
    };
  }

  function stopIfIdle(): void {
    if (members.size > 0 || handshakes.size > 0) return;
    stop?.();
    stop = undefined;
  }

  async function checkAll(): Promise<void> {
    if (isChecking) return;
    isChecking = true;
    const all = [...members.values()].flatMap((each) => [...each]).values();
    const work = async (): Promise<void> => {
      for (const member of all) await member.check();
    };
    await Promise.all(Array.from({ length: CONCURRENT_CHECKS }, work));
    isChecking = false;
  }

  function watched(session: Session<Data>): Member {
    const { handle } = session;
    let hasEnded = false;
    let close: (() => void) | undefined;
    const member: Watched = {
      get hasEnded() {
        return hasEnded;
      },
      end() {
        if (hasEnded) return;
        hasEnded = true;
        const by = close;
        member.leave();
        if (by) closeNow(by);
      },
      closeBy(by) {
        if (hasEnded) closeNow(by);
        else close = by;
      },
      leave() {
        close = undefined;
        const others = members.get(handle);
        if (!others?.delete(member)) return;
        if (others.size === 0) members.delete(handle);
        stopIfIdle();
      },
      /** Reads without a use: a page left open doesn't keep its user logged in. */
      async check() {
        const { expiresAt } = session;
        await session.reload().catch((error: unknown) => {
          // While the store is down, sockets live as long as their sessions are known to.
          if (isSessionGone(error, handle) || Date.now() >= expiresAt) member.end();
        });
      },
    };
    // Of what isn't stored, nothing can end.
    if (session.isNew) return member;
    const others = members.get(handle);
    if (others) others.add(member);
    else members.set(handle, new Set([member]));
    return member;
  }

  return {
    async join(open) {
      stop ??= start();
      const missed = new Set<string>();
      handshakes.add(missed);
      try {
        for (;;) {
          const session = await open();
          if (!missed.has(session.handle)) return { session, member: watched(session) };
          missed.clear();
        }
      } finally {
        handshakes.delete(missed);
        stopIfIdle();
      }
    },
  };
}

function closeNow(close: () => void): void {
  try {
    close();
  } catch (error) {
    // A listener of the app's: it must not keep the session's other sockets open.
    console.error(error);
  }
}
