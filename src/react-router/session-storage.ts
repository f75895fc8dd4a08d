import type { Exchange } from "../core/exchange.ts";
import { assertSessions } from "../core/misuse.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { RequestHead } from "../core/transport.ts";
import { HoldfastError } from "../errors.ts";
import { requestHead } from "../fetch/head.ts";
import { type ReactRouterSession, type StoredSession, storedSession } from "./session.ts";

/** React Router's SessionStorage. */
export interface ReactRouterSessionStorage<Data extends object, FlashData = Data> {
  /**
   * Reads the session of a request, by its Cookie header. Rejects with `store-…` when the store fails. The request itself will do too, and tells more: the
   * User-Agent for a login, and what the option `csrf` of `createSessions` needs.
   */
  getSession(cookieHeader?: string | null | Request): Promise<StoredSession<Data, FlashData>>;
  /**
   * Saves what was changed since `getSession`, entry by entry. Answers the Set-Cookie header; it is empty, and browsers pass over it, where the client's
   * cookie stays as it is. Rejects where nothing was saved: with `session-gone` when the session has ended meanwhile.
   */
  commitSession(session: ReactRouterSession<Data, FlashData>): Promise<string>;
  /** Ends the session in every process. Answers the Set-Cookie header that removes the cookie. */
  destroySession(session: ReactRouterSession<Data, FlashData>): Promise<string>;
}

export interface ReactRouterSessionStorageOptions<Data extends object> {
  /**
   * Whether clients come by https: a Cookie header alone doesn't tell. Where `cookie.secure` of `createSessions` is "auto", the cookie is Secure then, and its
   * name begins with `__Host-`. Default: true; browsers keep such cookies on http://localhost too, but for Safari.
   */
  secure?: boolean;
  /**
   * The entry that says who is logged in. Where `commitSession` finds it newly set, it logs this user in: the session gets a new id, and the one from before
   * is dead (against fixation). Default: none; call `session.login(userId)` yourself.
   */
  user?: keyof Data & string;
}

/**
 * Sessions in the shape of React Router's `createSessionStorage`, for apps that have it already: the data is in holdfast's store, the cookie holds the id alone.
 *
 * ```ts
 * const sessions = createSessions<{ userId: string }>({ store: sqliteStore("sessions.db") });
 * export const { getSession, commitSession, destroySession } = reactRouterSessionStorage(sessions, { user: "userId" });
 *
 * export async function action({ request }: Route.ActionArgs) {
 *   const session = await getSession(request.headers.get("Cookie"));
 *   session.set("userId", await checkPassword(await request.formData()));
 *   return redirect("/", { headers: { "Set-Cookie": await commitSession(session) } });
 * }
 * ```
 *
 * What isn't committed isn't saved, nor counted as a use: commit where the idle timeout shall begin anew. Each `getSession` is a read of its own;
 * `reactRouterSessions` reads once a request, and saves by itself.
 */
export function reactRouterSessionStorage<Data extends object = SessionData, FlashData = Data>(
  sessions: Sessions<Data>,
  { secure = true, user }: ReactRouterSessionStorageOptions<Data> = {},
): ReactRouterSessionStorage<Data, FlashData> {
  assertSessions(sessions, "reactRouterSessionStorage");
  const exchanges = new WeakMap<object, Exchange<Data>>();

  function exchangeOf(session: ReactRouterSession<Data, FlashData>): Exchange<Data> {
    const exchange = exchanges.get(session);
    if (exchange) return exchange;
    throw misused(
      "session",
      "commitSession() and destroySession() take what getSession() of the same storage answered",
    );
  }

  async function commit(exchange: Exchange<Data>): Promise<string> {
    const { setCookie, setHeader } = await exchange.commit();
    if (setHeader) throw misused("sessions", "React Router's session storage speaks in cookies, not in bearer tokens");
    return setCookie ?? "";
  }

  async function logIn(session: Session<Data>, entry: keyof Data & string): Promise<void> {
    const value = session.data[entry];
    if (value === undefined || value === null || String(value) === session.userId) return;
    await session.login(String(value));
    // If another user's session ended by this, its entries did too.
    session.data[entry] = value;
  }

  return {
    async getSession(from) {
      const exchange = await sessions.open(headOf(from, secure));
      const session = storedSession<Data, FlashData>(exchange.session);
      exchanges.set(session, exchange);
      return session;
    },
    async commitSession(session) {
      const exchange = exchangeOf(session);
      if (user !== undefined) await logIn(exchange.session, user);
      return commit(exchange);
    },
    async destroySession(session) {
      const exchange = exchangeOf(session);
      await exchange.session.destroy();
      return commit(exchange);
    },
  };
}

function headOf(from: string | null | undefined | Request, secure: boolean): RequestHead {
  if (typeof from === "object" && from !== null) return requestHead(from, secure);
  return { encrypted: secure, header: (name) => (name === "cookie" ? (from ?? undefined) : undefined) };
}

function misused(argument: string, message: string): HoldfastError<"argument-invalid"> {
  return new HoldfastError("argument-invalid", `${message}.`, { argument });
}
