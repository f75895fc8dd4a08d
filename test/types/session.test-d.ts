/** What the types promise. Checked by `npm run typecheck`: a line that should not compile says so. */
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import express from "express";
import {
  createSessions,
  type HoldfastError,
  type IndexedSessions,
  type IndexedStore,
  isHoldfastError,
  type Session,
  type Sessions,
  type Store,
} from "holdfast";
import { expressSessions } from "holdfast/express";
import { type NextRequest, nextSessions, type ReadonlySession } from "holdfast/next";
import { nodeSessions } from "holdfast/node";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

declare module "holdfast" {
  interface SessionData {
    theme: "dark" | "light";
  }
}

declare const store: Store;

const sessions = createSessions<Data>({ store: memoryStore(), idle: "30m", absolute: 3_600_000 });
same<typeof sessions, IndexedSessions<Data>>(true);

// A store that can't find sessions by user gives sessions that can't list them.
const plain = createSessions<Data>({ store });
same<typeof plain, Sessions<Data>>(true);
// @ts-expect-error
plain.list;
// @ts-expect-error
plain.revokeAll;

const indexed: IndexedStore = sqliteStore(":memory:");
createSessions({ store: indexed }).list({ userId: 7 });

// @ts-expect-error a duration needs its unit
createSessions({ store, idle: "30" });
// @ts-expect-error an option that does not exist
createSessions({ store, resave: false });
// @ts-expect-error a store is needed
createSessions({});

createServer(
  nodeSessions(sessions, async (request, response) => {
    const { session } = request;
    same<typeof session.data, Partial<Data>>(true);
    const views = await session.update("views", (n = 0) => n + 1);
    same<typeof views, number>(true);
    // @ts-expect-error no such entry
    await session.update("view", () => 1);
    // @ts-expect-error not the entry's type
    await session.update("views", () => "1");
    // @ts-expect-error any entry may be missing
    session.data.cart.push("tea");
    // @ts-expect-error entries live in data
    session.cart;
    // @ts-expect-error there is a message, or none
    session.flash("notice", 1);
    session.flash("notice") satisfies string[];
    await sessions.revokeAll({ userId: session.userId, except: session });
    response.writeHead(200).end();
  }),
);

createHttp2Server(
  nodeSessions(sessions, (request, response) => {
    response.stream.id;
    request.authority;
  }),
);

const app = express();
app.use(expressSessions(createSessions({ store: memoryStore() })));
app.use(expressSessions(sessions));
app.get("/", (req) => {
  // Express can't carry the type from the middleware to the handler: it is declared once, on SessionData.
  same<typeof req.session.data.theme, "dark" | "light" | undefined>(true);
});

declare const error: unknown;
if (isHoldfastError(error)) {
  if (error.code === "entry-unserializable") same<typeof error.details, { entry: string; path: string }>(true);
  if (error.code === "store-timeout") error satisfies HoldfastError<"store-timeout">;
}

const next = nextSessions(sessions, {} as NextRequest);
const addView = next.withSession(async (session, by: number, ...names: string[]) => {
  same<typeof session, Session<Data>>(true);
  return session.update("views", (n = 0) => n + by + names.length);
});
same<typeof addView, (by: number, ...names: string[]) => Promise<number>>(true);
next.withSession(() => "text", {
  // @ts-expect-error what answers an error is what answers a request
  onError: () => 7,
});
const read = await next.session();
same<typeof read, ReadonlySession<Data>>(true);
same<typeof read.data, Readonly<Partial<Data>>>(true);
// @ts-expect-error nothing can be changed
read.data.views = 1;
// @ts-expect-error
read.login;
