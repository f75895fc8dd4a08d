import type { Exchange } from "../core/exchange.ts";

// A session that was touched may change while the body streams: somebody must look at the body's end whether all was saved. Most bodies are no streams
// though, and a response doesn't tell: strings too are streams by the time `body` shows them, and sent as streams they lose their length.

type Watched = Pick<Exchange<object>, "end" | "abandon" | "seal">;
type Report = (error: unknown) => void;
type Bytes = Uint8Array<ArrayBuffer>;
type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Bytes>["read"]>>;

/** So many turns of the microtask queue are enough for a body that was there when its response was made. */
const TURNS = 8;

/** Whether the session could be changed after this response has left, by the source of its body. */
export function mayStream(response: Response): boolean {
  return bodyOf(response) instanceof ReadableStream && !response.headers.has("content-length");
}

/** The body for a copy of the response: what it was given, where that is at hand. */
export function bodyOf(response: Response): ReadableStream | string | Uint8Array<ArrayBuffer> | null {
  const given = givenBody(response);
  if (given === null || typeof given === "string" || given instanceof Uint8Array) return given as string | null;
  return response.body;
}

/**
 * The light Response that Hono's server on Node puts in the global one's place keeps the body as it was given; asked for `body`, it becomes a heavy one.
 * Undefined where that isn't to be found.
 */
function givenBody(response: Response): unknown {
  for (const key of Object.getOwnPropertySymbols(response)) {
    if (key.description !== "cache") continue;
    const cache: unknown = Reflect.get(response, key);
    return Array.isArray(cache) ? cache[1] : undefined;
  }
  return undefined;
}

/**
 * The same response. Where its session is changed meanwhile and not saved, its body breaks at its end; or this rejects, where the body is at hand already,
 * and nothing of it has left.
 */
export async function watchedResponse(response: Response, exchange: Watched, report: Report): Promise<Response> {
  const reader = response.body!.getReader();
  const ahead: Bytes[] = [];
  const latest: { read?: Read | undefined } = {};
  const look = (): Promise<Read> => {
    const reading = reader.read();
    reading.then(
      (read) => {
        latest.read = read;
      },
      () => {}, // Whoever reads on is told.
    );
    return reading;
  };

  let reading: Promise<Read> | undefined = look();
  for (let turn = 0; turn < TURNS; turn++) {
    await null;
    const { read } = latest;
    if (!read) continue;
    if (read.done) {
      exchange.end();
      return new Response(ahead.length === 1 ? ahead[0]! : new Blob(ahead), response);
    }
    ahead.push(read.value);
    latest.read = undefined;
    reading = look();
  }

  const next = async (): Promise<Read> => {
    const value = ahead.shift();
    if (value) return { done: false, value };
    const begun = reading;
    reading = undefined;
    return begun ?? reader.read();
  };
  return new Response(watching(next, reader, exchange, report), response);
}

/** The same bytes, of what is a stream for sure. Where the session is changed meanwhile and not saved, it breaks at its end. */
export function watchedStream(body: ReadableStream, exchange: Watched, report: Report): ReadableStream {
  const reader = body.getReader();
  return watching(() => reader.read(), reader, exchange, report);
}

function watching(
  next: () => Promise<Read>,
  reader: ReadableStreamDefaultReader,
  exchange: Watched,
  report: Report,
): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await next();
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
