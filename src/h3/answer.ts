import type { Exchange } from "../core/exchange.ts";
import type { HeaderEdits } from "../core/reply.ts";
import { errorStatus } from "../core/status.ts";
import { drop, edit, givesId, tell } from "../fetch/leave.ts";
import { bodyOf, mayStream, watchedResponse, watchedStream } from "../fetch/watch.ts";

/** Of h3's event, what is used: what h3 lays over the response that it makes of an answer, or of an error. */
export interface Answering {
  readonly res: { status?: number; statusText?: string; readonly headers: Headers; readonly errHeaders: Headers };
}

/** The answer, whose stream breaks at its end where the session was changed meanwhile and not saved. */
export function watch(answer: unknown, exchange: Exchange<object>, report: (error: unknown) => void): unknown {
  if (answer instanceof ReadableStream) return watchedStream(answer, exchange, report);
  if (answer instanceof Response) {
    if (!isWebSocket(answer) && mayStream(answer)) return watchedResponse(answer, exchange, report);
  } else if (hasStream(answer)) {
    answer.body = watchedStream(answer.body, exchange, report);
    return answer;
  }
  exchange.seal();
  return answer;
}

/** Has h3 set the session's headers on the response that it makes of what this answers. */
export function prepare(event: Answering, answer: unknown, edits: HeaderEdits): unknown {
  // Its hooks would be lost with a copy.
  if (isWebSocket(answer)) return answer;
  if (edits.vary === undefined && !givesId(edits)) return answer;
  const { res } = event;
  const early = isEarly(event);
  const given = early && answer instanceof Response ? ownResponse(event, answer) : answer;
  const prepared = !early && answer instanceof Response && answer.status >= 400 ? res.errHeaders : res.headers;
  const { headers } = (given ?? {}) as { headers?: unknown };
  tell(prepared, edits, headers instanceof Headers ? headers : prepared);
  return given;
}

/** The answer was not saved, and the error's must have nothing of it. */
export function takeBack({ res }: Answering, answer: unknown, error: unknown): void {
  if (answer instanceof ReadableStream) drop(answer);
  else if (hasStream(answer)) drop(answer.body);
  clear(res.headers);
  res.status = errorStatus(error);
  res.statusText = undefined;
}

/**
 * Has h3 set the session's headers on the response that it will make of an error; or answers it with them, where h3 would lose or double them. `make` is
 * how the app's onError makes it, where there is one.
 */
export async function errorResponse(
  event: Answering,
  edits: HeaderEdits,
  make: (() => Response | Promise<Response>) | undefined,
): Promise<unknown> {
  const { res } = event;
  const early = isEarly(event);
  // With a Response of the app's onError, h3 sends no prepared header, or each cookie twice; a login's id must reach its client all the same.
  if (make && givesId(edits)) return early ? earlyErrorResponse(event, edits, make) : edit(await make(), edits);
  tell(res.headers, edits);
  if (!early) tell(res.errHeaders, edits);
  return undefined;
}

/**
 * Whether it is h3 2.0.1-rc.2, which is Nitro 3.0.0's. Its prepared headers are for errors too. It writes them into the very Response that it is given,
 * into that of `onError` twice, and takes a Response of 404 from a middleware for none.
 */
export function isEarly({ res }: Answering): boolean {
  return !("errHeaders" in res);
}

/** The same response, for an early h3 to write into: the app's own may be for other clients too. */
function ownResponse(event: Answering, response: Response): unknown {
  return response.status === 404 ? inParts(event, response) : new Response(bodyOf(response), response);
}

async function earlyErrorResponse(
  event: Answering,
  edits: HeaderEdits,
  make: () => Response | Promise<Response>,
): Promise<unknown> {
  const prepared = event.res.headers;
  const cookies = prepared.getSetCookie();
  prepared.delete("set-cookie");
  const response = edit(await make(), edits);
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  clear(prepared); // The response has them.
  return response.status === 404 ? inParts(event, response) : response;
}

/** Prepares what the response has besides its body, which this answers. */
function inParts({ res }: Answering, response: Response): unknown {
  res.status = response.status;
  res.statusText = response.statusText;
  for (const [name, value] of response.headers) {
    if (name === "set-cookie") res.headers.append(name, value);
    else if (!res.headers.has(name)) res.headers.set(name, value);
  }
  return bodyOf(response);
}

function clear(headers: Headers): void {
  for (const name of [...headers.keys()]) headers.delete(name);
}

/** As an HTTPResponse may. */
function hasStream(answer: unknown): answer is { body: ReadableStream } {
  return typeof answer === "object" && answer !== null && "body" in answer && answer.body instanceof ReadableStream;
}

/** What `defineWebSocketHandler` answers, or a runtime's own upgrade. */
function isWebSocket(answer: unknown): boolean {
  return answer instanceof Response && ("crossws" in answer || answer.status === 101);
}
