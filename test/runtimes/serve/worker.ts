import type { Call, Serve, Speak } from "holdfast/testing";
import { handlerOf } from "../../frameworks/fetch.ts";

/** What a Worker gets with each request. */
export interface WorkerContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** The Worker's own way to itself: what goes in there comes in as a request of its own. */
export interface Service {
  fetch(request: Request): Promise<Response>;
}

interface Server {
  readonly handler: (request: Request) => Promise<Response>;
  readonly closed: Promise<void>;
}

const servers = new Map<string, Server>();
let count = 0;

/** `fetchSessions` in a Worker, for a suite that runs in the same Worker. Each of its requests is one of workerd's. */
export const serveWorker =
  (self: Service, scheme: "http" | "https"): Serve =>
  async (sessions, app) => {
    const host = `server${count++}.test`;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    servers.set(host, { handler: handlerOf(sessions, app), closed });
    const close = async () => {
      servers.delete(host);
      resolve();
    };
    return { url: `${scheme}://${host}`, close, speak: speakThrough(self) };
  };

/** Answers a request of the suite; `undefined` where it is none. */
export function answerOf(request: Request, context: WorkerContext): Promise<Response> | undefined {
  const server = servers.get(new URL(request.url).host);
  if (!server) return undefined;
  // Requests wait for each other in the suite, and some work on after their response or without their client: workerd ends a request that waits for nothing
  // of its own, and one whose response has left, unless it is told to wait.
  const busy = setInterval(() => {}, 1000);
  context.waitUntil(server.closed.finally(() => clearInterval(busy)));
  return server.handler(request);
}

const speakThrough =
  (self: Service): Speak =>
  (url, { method, path, headers }): Call => {
    const leaving = new AbortController();
    // Only an upload has a body; the others say so by their length.
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const body = headers["content-type"] ? { body: readable, duplex: "half" } : {};
    const writer = writable.getWriter();
    const init = { method, headers, redirect: "manual", signal: leaving.signal, ...body } as RequestInit;
    const response = self.fetch(new Request(new URL(path, url), init));
    let answered = false;
    const head = response.then(({ status, headers }) => {
      answered = true;
      const cookies = headers.getSetCookie().map((cookie) => ["set-cookie", cookie] as const);
      return { status, headers: [...[...headers].filter(([name]) => name !== "set-cookie"), ...cookies] };
    });
    head.catch(() => {});
    return {
      write: (piece) => void writer.write(new TextEncoder().encode(piece)),
      end: () => void writer.close(),
      abort: () => leaving.abort(),
      get answered() {
        return answered;
      },
      head,
      body: {
        async *[Symbol.asyncIterator]() {
          const { body } = await response;
          if (body) yield* body;
        },
      },
    };
  };
