import { after } from "../core/after.ts";
import type { Exchange, HeaderEdits } from "../core/exchange.ts";
import { addVary } from "../core/vary.ts";
import type { Awaitable } from "../store.ts";

/**
 * Saves what was changed, and answers the response with the session's headers: the one given, or a copy of it. Throws or rejects where it wasn't
 * saved; then {@link failed} makes the error's response ready. `report` gets what goes wrong later, in the middle of a stream.
 */
export function leave(
  exchange: Exchange<object>,
  response: Response,
  report: (error: unknown) => void,
): Awaitable<Response> {
  return after(exchange.commit(), (edits) => {
    // An untouched session needs nobody to watch over the body; who begins with it in mid-stream has `update`.
    if (edits.vary === undefined || !response.body || response.headers.has("content-length")) {
      exchange.seal();
      return edit(response, edits);
    }
    return edit(new Response(watched(response.body, exchange, report), response), edits);
  });
}

/** The error's response: its headers still tell of what was saved before, such as a login's new id. */
export function failed(exchange: Exchange<object>, response: Response): Response {
  return edit(response, exchange.abandon());
}

function edit(response: Response, edits: HeaderEdits): Response {
  if (edits.setCookie === undefined && !edits.setHeader) return varying(response, edits);
  // An app may answer many clients with one response: the id goes into a copy, or the next client would get it too.
  const own = isUpgrade(response) ? response : new Response(response.body, response);
  if (edits.setCookie !== undefined) own.headers.append("Set-Cookie", edits.setCookie);
  if (edits.setHeader) own.headers.set(...edits.setHeader);
  if (edits.clearSiteData) own.headers.set("Clear-Site-Data", edits.clearSiteData);
  if (!own.headers.has("Cache-Control")) own.headers.set("Cache-Control", "no-store");
  return varying(own, edits);
}

function varying(response: Response, { vary }: HeaderEdits): Response {
  if (vary === undefined || isUpgrade(response)) return response;
  const before = response.headers.get("Vary");
  const next = before ? addVary(before, vary) : vary;
  if (next === before) return response;
  try {
    response.headers.set("Vary", next);
    return response;
  } catch {
    // The headers of a redirect(), or of what fetch() answered, can't be changed.
    const own = new Response(response.body, response);
    own.headers.set("Vary", next);
    return own;
  }
}

/** A WebSocket's response is the runtime's own: it can't be copied. */
function isUpgrade({ status }: Response): boolean {
  return status === 101;
}

/** The same bytes. Where the session was changed meanwhile and not saved, the stream breaks at its end. */
function watched(
  body: ReadableStream<Uint8Array>,
  exchange: Exchange<object>,
  report: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
          exchange.end();
          controller.close();
        } catch (error) {
          exchange.abandon();
          report(error);
          controller.error(error);
        }
      },
      cancel(reason) {
        exchange.seal();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
