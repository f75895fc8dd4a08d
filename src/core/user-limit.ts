import { HoldfastError } from "../errors.ts";
import type { SessionRecord } from "../store.ts";
import type { Context } from "./context.ts";
import { isFarAhead } from "./lifetime.ts";
import { opens } from "./lookup.ts";

/** The most sessions that a user may have at a time, and what happens at a login beyond them (OWASP ASVS 7.1.2). */
export interface UserLimit {
  readonly sessions: number;
  readonly beyond: "evict-oldest" | "refuse";
}

export interface LimitKeeper {
  /**
   * Before a login: throws `too-many-sessions` where another session is refused. `handle` is the one that is to log in, and doesn't count. Answers the moment that
   * the login is later than, epoch ms: that of the user's latest other one, which may be of this millisecond, or of a server whose clock is a little ahead.
   */
  admit(userId: string, handle: string | undefined): Promise<number>;
  /** After a login: ends others that are too many. Throws `too-many-sessions` where the one that has just logged in is, by logins at the same moment. */
  enforce(userId: string, handle: string): Promise<void>;
}

/**
 * Two logins may overlap, so each looks again when it is stored. All rank the sessions alike, by login and then by handle, so they agree on which are too
 * many.
 */
export function keepLimit({ settings, call, emit }: Context): LimitKeeper | undefined {
  const { store, maxPerUser } = settings;
  if (!maxPerUser) return undefined;
  const { sessions, beyond } = maxPerUser;

  async function ranked(userId: string): Promise<{ readonly handle: string; readonly login: number }[]> {
    const found = await call("list", () => store.list!(userId));
    const now = Date.now();
    const first = beyond === "refuse" ? 1 : -1;
    return found
      .filter(({ record }) => opens(record, settings, now))
      .map(({ handle, record }) => ({ handle, login: loginOf(record, now) }))
      .sort((a, b) => first * (a.login - b.login || (a.handle < b.handle ? -1 : 1)));
  }

  async function end(handle: string): Promise<void> {
    if (await call("delete", () => store.delete(handle))) emit("evicted", { handle });
  }

  return {
    async admit(userId, handle) {
      const others = (await ranked(userId)).filter((each) => each.handle !== handle);
      if (beyond === "refuse" && others.length >= sessions) throw tooMany(sessions);
      return others.reduce((latest, { login }) => Math.max(latest, login), 0);
    },

    async enforce(userId, handle) {
      const over = (await ranked(userId)).slice(sessions).map((each) => each.handle);
      const others = beyond === "refuse" ? [] : over.filter((each) => each !== handle);
      for (const each of others) await end(each);
      if (over.includes(handle)) throw tooMany(sessions);
    },
  };
}

/** One that a wrong clock put far ahead is the oldest: no login could be later for as long, and each would be fresh until then. */
function loginOf({ authenticatedAt, createdAt }: SessionRecord, now: number): number {
  const login = authenticatedAt ?? createdAt;
  return isFarAhead(login, now) ? 0 : login;
}

function tooMany(sessions: number): HoldfastError<"too-many-sessions"> {
  return new HoldfastError(
    "too-many-sessions",
    `The user has ${sessions} session${sessions === 1 ? "" : "s"} already, as many as maxPerUser allows. One has to be ended first: sessions.list() shows them.`,
    { sessions },
  );
}
