import { HoldfastError, isHoldfastError } from "../errors.ts";
import { areOrigins } from "./csrf.ts";
import { DURATION_RULE } from "./duration.ts";
import type { Sessions } from "./sessions.ts";

/** Throws where an adapter was given something else, such as the options of express-session: each request would fail by it. */
export function assertSessions(sessions: unknown, adapter: string): void {
  if (typeof (sessions as Partial<Sessions> | undefined)?.open === "function") return;
  const message = `${adapter} takes what createSessions answers: ${adapter}(createSessions({ store })).`;
  throw new HoldfastError("argument-invalid", message, { argument: "sessions" });
}

/** Throws where no user is named: by `{ user }`, or the id alone, nothing would be ended, and nobody would notice. */
export function assertUser(of: unknown, method: string): void {
  if (typeof of === "object" && of !== null && "userId" in of) return;
  throw new HoldfastError("argument-invalid", `${method}() takes the user as { userId }.`, { argument: "userId" });
}

/** How the sessions answer a browser's device. Throws `argument-invalid` where they bind none. */
export function bindDeviceOf<Data extends object>(sessions: Sessions<Data>): NonNullable<Sessions<Data>["bindDevice"]> {
  if (sessions.bindDevice) return sessions.bindDevice;
  const message =
    "These sessions are bound to no device: pass createSessions the option deviceBound, with this route's path.";
  throw new HoldfastError("argument-invalid", message, { argument: "sessions" });
}

/** Two session middlewares on one route. */
export function sessionTaken(): HoldfastError<"session-taken"> {
  return new HoldfastError(
    "session-taken",
    "The request has a session already, by another session middleware. Let only one of them handle a route.",
    {},
  );
}

/** No session middleware on a route that asks for one. */
export function sessionMissing(): HoldfastError<"session-missing"> {
  const message =
    "The request has no session: mount expressSessions() of holdfast/express, or fastifySessions() of holdfast/fastify, before this route.";
  return new HoldfastError("session-missing", message, {});
}

/** What only a user who has just logged in may do; `maxAge` in ms. */
export function loginRequired(maxAge: number, authenticatedAt?: number): HoldfastError<"login-required"> {
  const message =
    authenticatedAt === undefined
      ? "Nobody is logged in. Send the client to the login, and call session.login() there."
      : "The last login is too long ago for this. Ask for the password again, and call session.reauthenticate() then.";
  return new HoldfastError("login-required", message, {
    maxAge,
    ...(authenticatedAt !== undefined && { authenticatedAt }),
  });
}

/** A session that would begin, or get a new id, by a request that its cookie never comes back to. */
export function outsidePath(asked: string, path: string): HoldfastError<"outside-cookie-path"> {
  return new HoldfastError(
    "outside-cookie-path",
    `A session can't begin, or get a new id, at ${asked}: its cookie is for ${path} alone (cookie.path), and would take the place of the one there. Let the adapter handle ${path} alone.`,
    { path },
  );
}

/** A session that is asked for when its cookie can't leave any more. */
export function openedLate(): HoldfastError<"headers-sent"> {
  const message = "The session was opened after the response's headers had left. Open it before the first write.";
  return new HoldfastError("headers-sent", message, {});
}

/** An update whose function changes the session, and so what it is about to be based on, whenever it runs. */
export function overtakesItself(entry: string): HoldfastError<"argument-invalid"> {
  const message =
    `The function given to session.update(${JSON.stringify(entry)}) changes the session itself (update, save, login …), so what it answers is never up to date. ` +
    "Let it compute its entry alone, and change the rest before or after.";
  return new HoldfastError("argument-invalid", message, { argument: "fn" });
}

/** Something that is no duration, where a login's age is asked for. */
export function noDuration(): HoldfastError<"argument-invalid"> {
  return new HoldfastError("argument-invalid", `requireFresh(maxAge): maxAge ${DURATION_RULE}.`, {
    argument: "maxAge",
  });
}

/** A handler of Request and Response that forgot to answer. */
export function noResponse(): HoldfastError<"argument-invalid"> {
  const message = "The handler given to fetchSessions answered no Response: return one, in every case.";
  return new HoldfastError("argument-invalid", message, { argument: "handler" });
}

/** Something else than null, where null ends the session. */
export function nullEnds(): HoldfastError<"argument-invalid"> {
  const message =
    "ctx.session takes null, which ends the session, and nothing else: its entries are in ctx.session.data.";
  return new HoldfastError("argument-invalid", message, { argument: "session" });
}

/** Where Next can send the client nothing, or not what the session needs. */
export function cookieless(options?: ErrorOptions): HoldfastError<"session-read-only"> {
  return new HoldfastError(
    "session-read-only",
    "The session can't be changed from here: while Next renders, it can set no cookie. Change the session in a server action, a route handler or " +
      "proxy.ts, in a function that is wrapped in withSession(); with a bearer token, in one that answers a Response.",
    {},
    options,
  );
}

/** A message of a socket whose session isn't there any more, by the id of its handshake. */
export function socketOutlived(handle: string): HoldfastError<"session-gone"> {
  const message =
    "The session ended, or got a new id by a login or by age, after the socket's handshake. The socket closes; its client may connect again with the cookie that it has now.";
  return new HoldfastError("session-gone", message, { handle });
}

/** Whether it says that this session is gone; an app's code may have met with another. */
export function isSessionGone(error: unknown, handle: string): boolean {
  return isHoldfastError(error) && error.code === "session-gone" && error.details.handle === handle;
}

/** A socket that was opened past the adapter. */
export function socketUnknown(): HoldfastError<"argument-invalid"> {
  const message =
    "This socket has no session: it did not come through the adapter's handshake. In Socket.IO, its namespace needs the middleware.";
  return new HoldfastError("argument-invalid", message, { argument: "socket" });
}

/** A store that says of every change that another one was quicker. */
export function versionsBroken(attempts: number, what: string): HoldfastError<"store-failed"> {
  const message = `The store answered "conflict" ${attempts} times to ${what}: its versions are broken. Run the kit of holdfast/testing on it.`;
  return new HoldfastError("store-failed", message, { operation: "update" });
}

/** Throws `option-invalid` unless they are origins as browsers write them. */
export function checkOrigins(origins: unknown, option: string): void {
  if (areOrigins(origins)) return;
  const message = `The option ${option} must be a list of origins, such as ["https://app.example.com"].`;
  throw new HoldfastError("option-invalid", message, { option });
}
