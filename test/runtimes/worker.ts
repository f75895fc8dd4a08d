/**
 * What workerd is asked, by path: the kit on a store, or the adapters' suite, whose requests go to the handler without a network between. Answers the outcomes as JSON;
 * any other path is a small app's, for requests from outside.
 */
import { createSessions, type IndexedSessions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { type D1, d1Store } from "holdfast/stores/d1";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, type Call, type Serve, type Speak, storeCases } from "holdfast/testing";
import { handlerOf } from "../frameworks/fetch.ts";
import { type Case, type Outcome, runAll, titled } from "./suite.ts";

interface Env {
  readonly DB: D1;
}

interface Data {
  views: number;
}

type Handler = (request: Request) => Promise<Response>;

/** A request to the handler itself, with bodies that stream both ways. */
const speakTo =
  (handler: Handler): Speak =>
  (url, { method, path, headers }): Call => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const abort = new AbortController();
    const hasBody = method !== "GET" && method !== "HEAD";
    const init: RequestInit & { duplex: "half" } = { method, headers, body: hasBody ? readable : null, duplex: "half" };
    let answered = false;
    const aborted = new Promise<never>((_, reject) =>
      abort.signal.addEventListener("abort", () => reject(new Error("aborted"))),
    );
    aborted.catch(() => {});
    const response = Promise.race([handler(new Request(new URL(path, url), init)), aborted]);
    response.then(
      () => (answered = true),
      () => {},
    );
    return {
      write: (piece) => void writer.write(new TextEncoder().encode(piece)).catch(() => {}),
      end: () => void writer.close().catch(() => {}),
      abort: () => abort.abort(),
      get answered() {
        return answered;
      },
      head: response.then(({ status, headers }) => ({ status, headers: [...headers] })),
      body: {
        async *[Symbol.asyncIterator]() {
          const { body } = await response;
          if (body && method !== "HEAD") yield* body as unknown as AsyncIterable<Uint8Array>;
        },
      },
    };
  };

const serve: Serve = async (sessions, app) => ({
  url: "http://worker.test",
  close: async () => {},
  speak: speakTo(handlerOf(sessions, app)),
});

const memory = memoryStore();
let sessions: IndexedSessions<Data> | undefined;

const suites: Record<string, (env: Env) => Case[]> = {
  "/kit/memory": () =>
    titled(
      "memory store",
      storeCases(() => memory),
    ),
  "/kit/d1": ({ DB }) => {
    const store = d1Store(DB);
    return titled(
      "D1 store",
      storeCases(() => store),
    );
  },
  "/adapter": () => titled("fetchSessions", adapterCases(serve)),
};

/** A store that answers after a while, or by `?never` not at all: each request waits with a timer of its own. */
const slowSessions = createSessions<Data>({
  store: {
    ...memory,
    create: async (handle, record) => {
      await new Promise((resolve) => setTimeout(resolve, hangs ? 1e9 : 5));
      return memory.create(handle, record);
    },
  },
  timeout: 100,
});
let hangs = false;

function slow(request: Request): Promise<Response> {
  hangs = request.headers.has("x-hang");
  return fetchSessions(slowSessions, (_request, session) => {
    session.data.views = 1;
    return new Response("saved");
  })(request);
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const suite = suites[new URL(request.url).pathname];
    if (suite) {
      const outcomes: Outcome[] = [];
      await runAll(suite(env), (outcome) => outcomes.push(outcome));
      return Response.json(outcomes);
    }
    if (request.url.endsWith("/slow")) return slow(request);
    sessions ??= createSessions<Data>({ store: d1Store(env.DB) });
    return fetchSessions(sessions, async (_request, session) => {
      const views = await session.update("views", (n = 0) => n + 1);
      return new Response(`${views}`);
    })(request);
  },
};
