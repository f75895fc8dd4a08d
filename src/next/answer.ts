import type { Exchange } from "../core/exchange.ts";
import { cookieless } from "../core/misuse.ts";
import type { HeaderEdits } from "../core/reply.ts";
import type { Session } from "../core/session.ts";
import { type NamedCookie, parseSetCookie } from "../fetch/cookies.ts";
import { failed, leave } from "../fetch/leave.ts";

/** Of Next's cookies, what is used. */
export interface NextCookies {
  getAll(): readonly { name: string; value: string }[];
  set(cookie: { -readonly [Key in keyof NamedCookie]: NamedCookie[Key] }): unknown;
}

/** A wrapped function, called. */
export interface Call<Data extends object, Result> {
  handle(session: Session<Data>): Result | Promise<Result>;
  onError(error: unknown): Result | Promise<Result>;
}

export function rethrow(error: unknown): never {
  throw error;
}

/** Runs the handler; what it answers, or where it sends the client, leaves when the session is saved. */
export async function answer<Data extends object, Result>(
  exchange: Exchange<Data>,
  cookies: NextCookies,
  { handle, onError }: Call<Data, Result>,
): Promise<Result> {
  let finish: () => Result;
  try {
    const result = await handle(exchange.session);
    if (result instanceof Response) {
      const report = async (error: unknown): Promise<Result> => onError(error);
      return (await respond(exchange, result, (error) => void report(error).catch(console.error))) as Result;
    }
    finish = () => result;
  } catch (error) {
    if (!isJump(error)) throw error;
    finish = () => rethrow(error);
  }
  const edits = await exchange.commit();
  exchange.seal();
  send(edits, cookies);
  return finish();
}

/** What is answered to an error still tells of what was saved before, such as a login's new id. */
export async function fail<Result>(
  exchange: Exchange<object> | undefined,
  cookies: NextCookies,
  onError: () => Result | Promise<Result>,
): Promise<Result> {
  let result: Result;
  try {
    result = await onError();
    if (exchange && result instanceof Response) return failed(exchange, result) as Result;
  } catch (error) {
    if (exchange) abandon(exchange, cookies);
    throw error;
  }
  if (exchange) abandon(exchange, cookies);
  return result;
}

/** `redirect()` and `notFound()` throw; but they are answers. */
export function isJump(error: unknown): boolean {
  const { digest } = (error ?? {}) as { digest?: unknown };
  return typeof digest === "string" && /^NEXT_(REDIRECT|HTTP_ERROR_FALLBACK);/.test(digest);
}

async function respond(
  exchange: Exchange<object>,
  response: Response,
  report: (error: unknown) => void,
): Promise<Response> {
  const before = response.headers.getSetCookie().length;
  const left = await leave(exchange, response, report);
  const { headers } = left;
  // A proxy's response that lets the request go on: so it tells the page, as `NextResponse.cookies` does, which cookies the client will have.
  if (headers.has("x-middleware-next") || headers.has("x-middleware-rewrite")) {
    for (const own of headers.getSetCookie().slice(before)) headers.append("x-middleware-set-cookie", own);
  }
  return left;
}

function send({ setCookie, setHeader, beside = [] }: HeaderEdits, cookies: NextCookies): void {
  if (setHeader) throw cookieless();
  if (setCookie === undefined) return;
  try {
    cookies.set(parseSetCookie(setCookie));
    for (const [name, value] of beside) if (name === "Set-Cookie") cookies.set(parseSetCookie(value));
  } catch (cause) {
    throw cookieless({ cause });
  }
}

function abandon(exchange: Exchange<object>, cookies: NextCookies): void {
  try {
    send(exchange.abandon(), cookies);
  } catch {
    // The first error says more.
  }
}
