/**
 * A Worker for requests from outside: `workers.test.ts` asks it. Store and sessions are made in the global scope, where Workers allow neither timers nor randomness, and
 * no flag of Node's is set.
 */
import { env } from "cloudflare:workers";
import { createSessions, isHoldfastError } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { type D1, d1Store } from "holdfast/stores/d1";
import { memoryStore } from "holdfast/stores/memory";

interface Data {
  views: number;
}

const store = d1Store((env as { DB: D1 }).DB);
const sessions = createSessions<Data>({ store, keys: ["0123456789abcdef0123456789abcdef"] });

/** Its operations take a while, or, where the request says so, for ever. */
let hangs = false;
const memory = memoryStore();
const slow = createSessions<Data>({
  store: {
    ...memory,
    create: async (handle, record) => {
      await new Promise((resolve) => (hangs ? undefined : setTimeout(resolve, 5)));
      return memory.create(handle, record);
    },
  },
  timeout: 1000,
});

/** A D1 whose first batch gets no answer: what it is to a request that is cut off meanwhile. */
let batches = 0;
const cut = createSessions<Data>({
  store: d1Store({
    prepare: (sql) => (env as { DB: D1 }).DB.prepare(sql),
    batch: (statements) => (batches++ === 0 ? new Promise(() => {}) : (env as { DB: D1 }).DB.batch(statements)),
  }),
  timeout: 1000,
});

const onError = (error: unknown): Response =>
  new Response(null, { status: isHoldfastError(error) ? error.status : 500 });
const counting = (of: typeof sessions) =>
  fetchSessions<Data>(
    of,
    async (_request, session) => new Response(String(await session.update("views", (n = 0) => n + 1))),
    { onError },
  );
const saving = fetchSessions<Data>(
  slow,
  (_request, session) => {
    session.data.views = 1;
    return new Response("saved");
  },
  { onError },
);
const [views, viewsOfCut] = [counting(sessions), counting(cut)];

export default {
  fetch(request: Request): Promise<Response> | Response {
    switch (new URL(request.url).pathname) {
      case "/slow":
        hangs = false;
        return saving(request);
      case "/hang":
        hangs = true;
        return saving(request);
      case "/cut":
        return viewsOfCut(request);
      case "/views":
        return views(request);
      default:
        return new Response("no such page", { status: 404 });
    }
  },
  async scheduled(): Promise<void> {
    await sessions.sweep();
  },
};
