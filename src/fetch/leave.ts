import { attempt, isPending } from "../core/after.ts";
import { isPrivate } from "../core/cache-control.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HeaderEdits } from "../core/reply.ts";
import { addVary } from "../core/vary.ts";
import type { Awaitable } from "../store.ts";
import { bodyOf, mayStream, watchedResponse } from "./watch.ts";

/**
 * Saves what was changed, and answers the response with the session's headers: the one given, or a copy of it. Throws or rejects where it wasn't
 * saved; then {@link failed} makes the error's response ready. `report` gets what goes wrong later, in the middle of a stream.
 */
export function leave(
  exchange: Exchange<object>,
  response: Response,
  report: (error: unknown) => void,
): Awaitable<Response> {
  const committed = attempt(() => exchange.commit());
  const go = (edits: HeaderEdits): Awaitable<Response> => {
    // An untouched session needs nobody to watch over the body; who begins with it in mid-stream has `update`.
    if (edits.vary !== undefined && mayStream(response)) {
      return watchedResponse(response, exchange, report).then((watched) => edit(watched, edits));
    }
    exchange.seal();
    return edit(response, edits);
  };
  if (!isPending(committed)) return go(committed);
  return committed.then(go, (error) => {
    drop(response.body);
    throw error;
  });
}

/** The error's response: its headers still tell of what was saved before, such as a login's new id. */
export function failed(exchange: Exchange<object>, response: Response): Response {
  return edit(response, exchange.abandon());
}

/** The response that tells of it: the one given, or a copy of it. */
export function edit(response: Response, edits: HeaderEdits): Response {
  if (!givesId(edits)) return varying(response, edits);
  // An app may answer many clients with one response: the id goes into a copy, or the next client would get it too.
  const own = isUpgrade(response) ? response : new Response(bodyOf(response), response);
  tell(own.headers, edits);
  return own;
}

export function givesId({ setCookie, setHeader }: HeaderEdits): boolean {
  return setCookie !== undefined || setHeader !== undefined;
}

/** Sets the session's headers among these. They leave together with `others`, which they take the place of. */
export function tell(headers: Headers, edits: HeaderEdits, others: Headers = headers): void {
  const { setCookie, setHeader, beside, vary } = edits;
  if (setCookie !== undefined) headers.append("Set-Cookie", setCookie);
  if (setHeader) headers.set(...setHeader);
  if (beside) for (const [name, value] of beside) headers.append(name, value);
  const caching = headers.get("Cache-Control") ?? others.get("Cache-Control") ?? "";
  if (givesId(edits) && !isPrivate(caching)) headers.set("Cache-Control", "no-store");
  if (vary === undefined) return;
  const before = headers.get("Vary") ?? others.get("Vary");
  headers.set("Vary", before ? addVary(before, vary) : vary);
}

function varying(response: Response, edits: HeaderEdits): Response {
  if (edits.vary === undefined || isUpgrade(response)) return response;
  try {
    tell(response.headers, edits);
    return response;
  } catch {
    // The headers of a redirect(), or of what fetch() answered, can't be changed.
    const own = new Response(bodyOf(response), response);
    tell(own.headers, edits);
    return own;
  }
}

/** What nobody will read: its source may stop. */
export function drop(body: ReadableStream | null): void {
  // Where somebody has begun to read it, it is theirs.
  body?.cancel().catch(() => {});
}

/** A WebSocket's response is the runtime's own: it can't be copied. */
function isUpgrade({ status }: Response): boolean {
  return status === 101;
}
