import express from "express";
import { createSessions, type IndexedSessions, type Session } from "holdfast";
import { expressSessions } from "holdfast/express";
import { memoryStore } from "holdfast/stores/memory";
import { barrier } from "holdfast/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { sessionIdOf } from "../../src/express-session/id.ts";
import type { SessionData } from "../../src/express-session/session.ts";
import { toExpressStore } from "../../src/express-session/to-express-store.ts";
import { expressTransport } from "../../src/express-session/transport.ts";
import {
  called,
  dropIn,
  type LooseOptions,
  type LoosePackage,
  type LooseRequest,
  packages,
  SECRET,
  serve,
} from "./apps.ts";

interface Data {
  [entry: string]: unknown;
  passport: { user: string };
}

const cookie = { maxAge: 3_600_000 };
const userOf = (session: SessionData) => (session as { passport?: { user?: string } }).passport?.user;

/** An app that moves: `/old/…` is on express-session, `/new/…` on holdfast, and both answer the session's data. */
async function moving(session: LoosePackage, options: LooseOptions = {}) {
  const kept = memoryStore();
  const sessions: IndexedSessions<Data> = createSessions<Data>({
    store: kept,
    transport: expressTransport({ secret: SECRET, cookie }),
  });
  onTestFinished(() => sessions.close());
  const store = toExpressStore(kept, { user: userOf });
  const app = express();

  const native = express.Router().use(expressSessions(sessions));
  const nativeSession = (req: unknown) => (req as { session: Session<Data> }).session;
  native.get("/set", (req, res) => {
    Object.assign(nativeSession(req).data, req.query);
    res.json(null);
  });
  native.get("/delete", (req, res) => {
    for (const name of Object.keys(req.query)) delete nativeSession(req).data[name];
    res.json(null);
  });
  native.get("/login", async (req, res) => {
    const user = String(req.query.user);
    await nativeSession(req).login(user);
    nativeSession(req).data.passport = { user };
    res.json(null);
  });
  native.get("/logout", async (req, res) => {
    await nativeSession(req).destroy();
    res.json(null);
  });
  native.get("/", (req, res) => {
    const { data, userId } = nativeSession(req);
    res.json({ ...data, userId });
  });

  const old = express.Router();
  old.use(
    session({ store, secret: SECRET, resave: false, saveUninitialized: false, cookie, ...options }) as express.Handler,
  );
  const oldSession = (req: unknown) => (req as LooseRequest).session;
  old.get("/set", (req, res) => {
    Object.assign(oldSession(req), req.query);
    res.json(null);
  });
  old.get("/delete", (req, res) => {
    for (const name of Object.keys(req.query)) delete oldSession(req)[name];
    res.json(null);
  });
  old.get("/login", async (req, res) => {
    await called(oldSession(req), "regenerate");
    oldSession(req).passport = { user: req.query.user };
    res.json(null);
  });
  old.get("/logout", async (req, res) => {
    await called(oldSession(req), "destroy");
    res.json(null);
  });
  old.get("/", (req, res) => {
    res.json({ ...oldSession(req), cookie: undefined });
  });
  return { kept, store, sessions, app: app.use("/new", native).use("/old", old), open: await serve(app) };
}

describe.each(packages)("%s and the native API on the same cookies and rows", (_, session) => {
  it("see each other's data, both ways", async () => {
    const browser = (await moving(session)).open();
    await browser.get("/old/set?a=1&b=1");
    expect((await browser.get("/new/")).body).toEqual({ a: "1", b: "1" });
    await browser.get("/new/set?b=2&c=1");
    expect((await browser.get("/old/")).body).toEqual({ a: "1", b: "2", c: "1" });
    await browser.get("/old/delete?a=");
    await browser.get("/new/delete?c=");
    expect((await browser.get("/new/")).body).toEqual({ b: "2" });
    expect((await browser.get("/old/")).body).toEqual({ b: "2" });
  });

  it("go on with each other's sessions, whichever began them", async () => {
    const { open } = await moving(session);
    for (const [one, other] of [
      ["/old", "/new"],
      ["/new", "/old"],
    ]) {
      const browser = open();
      expect((await browser.get(`${one}/set?a=1`)).setCookie).toHaveLength(1);
      const { body, setCookie } = await browser.get(`${other}/`);
      expect([body, setCookie]).toEqual([{ a: "1" }, []]);
    }
  });

  it("a session that the native API began has the cookie of today's configuration", async () => {
    const { open, store } = await moving(session);
    const browser = open();
    await browser.get("/new/set?a=1");
    await browser.get("/old/set?b=1");
    const sid = sidOf(browser.cookies);
    expect((await store.get(sid))?.cookie.originalMaxAge).toBeGreaterThan(cookie.maxAge - 1000);
  });

  it("log in for each other, and the ids from before are dead in both", async () => {
    const { open, sessions, store } = await moving(session);
    for (const [one, other] of [
      ["/old", "/new"],
      ["/new", "/old"],
    ]) {
      const browser = open();
      await browser.get(`${other}/set?a=1`);
      const twin = browser.twin();
      await browser.get(`${one}/login?user=ada`);
      expect((await browser.get("/old/")).body).toMatchObject({ passport: { user: "ada" } });
      expect((await browser.get("/new/")).body).toMatchObject({ passport: { user: "ada" }, userId: "ada" });
      for (const path of ["/old/", "/new/"]) expect((await twin.twin().get(path)).body).toEqual({});
    }
    expect(await sessions.list({ userId: "ada" })).toHaveLength(2);
    expect(await store.list("ada")).toHaveLength(2);
    expect(await sessions.revokeAll({ userId: "ada" })).toBe(2);
  });

  it("log out for each other", async () => {
    const { open } = await moving(session);
    for (const logout of ["/old/logout", "/new/logout"]) {
      const browser = open();
      await browser.get("/old/set?a=1");
      const twin = browser.twin();
      await browser.get(logout);
      for (const path of ["/old/", "/new/"]) expect((await twin.twin().get(path)).body).toEqual({});
    }
  });

  it("one's slow request undoes no login of the other", async () => {
    const [hasRead, loggedIn] = [barrier(2), barrier(2)];
    const { open, app, kept } = await moving(session);
    const old = session({ store: toExpressStore(kept), secret: SECRET, resave: false, saveUninitialized: false });
    app.get("/slow", old as express.Handler, async (req, res) => {
      await hasRead.arrive();
      await loggedIn.arrive();
      Object.assign((req as unknown as LooseRequest).session, { slow: 1 });
      res.json(null);
    });
    const browser = open();
    await browser.get("/old/set?a=1");
    const slow = browser.twin().get("/slow");
    await hasRead.arrive();
    await browser.get("/new/login?user=ada");
    await loggedIn.arrive();
    await slow;
    expect((await browser.get("/old/")).body).toEqual({ a: "1", passport: { user: "ada" } });
  });

  it("leave the way back to the package alone open", async () => {
    const { open, kept } = await moving(session);
    const [one, two] = [open(), open()];
    await one.get("/old/set?a=1");
    await two.get("/new/set?a=2");
    await two.get("/new/login?user=ada");
    const back = session({
      store: toExpressStore(kept),
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie,
    });
    const rolledBack = await serve(
      express()
        .use(back as express.Handler)
        .get("/", (req, res) => void res.json({ ...(req as unknown as LooseRequest).session, cookie: undefined })),
    );
    expect((await one.on(rolledBack).get("/")).body).toEqual({ a: "1" });
    expect((await two.on(rolledBack).get("/")).body).toEqual({ a: "2", passport: { user: "ada" } });
  });

  it("keep each other's own entries", async () => {
    const { open, kept } = await moving(session);
    const browser = open();
    await browser.get("/new/login?user=ada");
    await browser.get("/new/set?save=1&cookie=1");
    await browser.get("/old/set?~x=1&cookies=1");
    await browser.get("/old/delete?passport=");
    const record = await kept.read(sessionIdOf(sidOf(browser.cookies)).handle);
    expect([...record!.entries.keys()].toSorted()).toEqual(
      ["cookie", "cookies", "save", '~"~x"', "~cookie", "~device"].toSorted(),
    );
    expect((await browser.get("/new/")).body).toEqual({ cookie: "1", cookies: "1", save: "1" });
  });
});

function sidOf(cookies: ReadonlyMap<string, string>): string {
  return decodeURIComponent(cookies.get("connect.sid")!)
    .slice(2)
    .replace(/\.[^.]*$/, "");
}

it("a native session that a handler took off the request is not forgotten under the drop-in's", async () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  onTestFinished(() => sessions.close());
  const app = express();
  app.use(expressSessions(sessions), (req, _res, next) => {
    (req as unknown as { session: Session<Data> }).session.data.cart = 1;
    Reflect.deleteProperty(req, "session");
    next();
  });
  app.use(dropIn({ secret: SECRET, resave: false, saveUninitialized: false }) as express.Handler);
  app.use((_req, res) => void res.json("saved"));
  app.use((error: { code?: string }, _req: unknown, res: express.Response, _next: unknown) => {
    res.status(500).json(error.code);
  });
  expect(await (await serve(app))().get("/")).toMatchObject({ status: 500, body: "session-taken" });
});
