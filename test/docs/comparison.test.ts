import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { barrier } from "holdfast/testing";
import { afterEach, expect, it } from "vitest";
import { read } from "./blocks.ts";

// What the README's table says of express-session, measured on the version that it names, with its defaults.

type Callback = (error?: Error) => void;

interface ExpressSession {
  [entry: string]: unknown;
  save(callback: Callback): void;
  regenerate(callback: Callback): void;
  destroy(callback: Callback): void;
}

interface MemoryStore {
  sessions: Record<string, string>;
  set(id: string, session: object, callback: Callback): void;
}

interface Module {
  (options: {
    secret: string;
    store: MemoryStore;
  }): (req: IncomingMessage, res: ServerResponse, next: Callback) => void;
  MemoryStore: new () => MemoryStore;
}

// It has no types in this repository: @types/express-session and holdfast/express both declare `req.session`.
const require = createRequire(import.meta.url);
const expressSession = require("express-session") as Module;
const { version } = require("express-session/package.json") as { version: string };

type Handler = (session: ExpressSession, done: Callback, path: string) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** An app on express-session. Answers what sends it a request, with this Cookie header. */
async function serve(
  handler: Handler,
  store = new expressSession.MemoryStore(),
): Promise<(path: string, cookie?: string) => Promise<Response>> {
  const middleware = expressSession({ secret: "any", store });
  server = createServer((req, res) =>
    middleware(req, res, () => {
      const { session } = req as IncomingMessage & { session: ExpressSession };
      handler(session, () => res.end(JSON.stringify(session)), req.url ?? "");
    }),
  ).listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return (path, cookie) => fetch(`http://localhost:${port}${path}`, { headers: cookie ? { cookie } : {} });
}

const setCookie = (response: Response): string => response.headers.getSetCookie()[0] ?? "";
const cookieOf = (response: Response): string => setCookie(response).split(";", 1)[0] ?? "";
const rows = (store: MemoryStore): Record<string, unknown>[] =>
  Object.values(store.sessions).map((text) => JSON.parse(text));

it("the README names the version that is measured here", () => {
  expect(read("README.md")).toContain(`| express-session ${version} |`);
});

it("of two requests that change different entries, one change is lost", async () => {
  const bothHaveRead = barrier(2);
  const store = new expressSession.MemoryStore();
  const request = await serve(async (session, done, path) => {
    if (path !== "/") {
      await bothHaveRead.arrive();
      session[path] = true;
    }
    done();
  }, store);
  const cookie = cookieOf(await request("/"));
  await Promise.all([request("/tea", cookie), request("/milk", cookie)]);
  const [row] = rows(store);
  expect(["/tea", "/milk"].filter((entry) => row?.[entry])).toHaveLength(1);
});

it("a slow request that saves after the logout brings the session back", async () => {
  const [slowHasRead, loggedOut] = [barrier(2), barrier(2)];
  const store = new expressSession.MemoryStore();
  const request = await serve(async (session, done, path) => {
    if (path === "/logout") return session.destroy(done);
    if (path === "/slow") {
      await slowHasRead.arrive();
      await loggedOut.arrive();
      session.late = true;
    }
    session.user = "ada";
    done();
  }, store);
  const cookie = cookieOf(await request("/"));
  const slow = request("/slow", cookie);
  await slowHasRead.arrive();
  const logout = await request("/logout", cookie);
  expect(setCookie(logout), "after destroy() the cookie stays").toBe("");
  expect(rows(store)).toEqual([]);
  await Promise.all([loggedOut.arrive(), slow]);
  expect(rows(store)).toMatchObject([{ user: "ada", late: true }]);
});

it("the client gets its 200 when the store fails to save", async () => {
  const store = new expressSession.MemoryStore();
  store.set = (_id, _session, callback) => setImmediate(callback, new Error("the disk is full"));
  const request = await serve((session, done) => {
    session.user = "ada";
    done();
  }, store);
  expect((await request("/")).status).toBe(200);
});

it("the store's key is the id that the cookie carries", async () => {
  const store = new expressSession.MemoryStore();
  const request = await serve((_session, done) => done(), store);
  const cookie = decodeURIComponent(cookieOf(await request("/")));
  expect(cookie).toContain(`=s:${Object.keys(store.sessions)[0]}.`);
});

it("a request with nothing to keep costs a row, and sets a cookie without Secure, SameSite and prefix, that no timeout ends", async () => {
  const store = new expressSession.MemoryStore();
  const request = await serve((_session, done) => done(), store);
  for (let i = 0; i < 50; i++) await request("/");
  expect(rows(store)).toHaveLength(50);
  expect(rows(store)[0]).toMatchObject({ cookie: { originalMaxAge: null, expires: null } });
  expect(setCookie(await request("/"))).toMatch(/^connect\.sid=[^;]+; Path=\/; HttpOnly$/);
});

it("regenerate() drops the data", async () => {
  const store = new expressSession.MemoryStore();
  const request = await serve((session, done, path) => {
    if (path === "/login") return session.regenerate(done);
    session.cart = ["tea"];
    done();
  }, store);
  const cookie = cookieOf(await request("/"));
  await request("/login", cookie);
  expect(rows(store)).toEqual([{ cookie: expect.anything() }]);
});

it("a forged cookie before the real one hides it", async () => {
  const request = await serve((session, done) => {
    session.views = ((session.views as number | undefined) ?? 0) + 1;
    done();
  });
  const cookie = cookieOf(await request("/"));
  const answer = async (header: string) => (await (await request("/", header)).json()) as { views: number };
  expect(await answer(cookie)).toMatchObject({ views: 2 });
  expect(await answer(`connect.sid=s%3Aforged.signature; ${cookie}`)).toMatchObject({ views: 1 });
});
