import { createServer } from "node:http";
import { createRequire } from "node:module";
import connect from "connect";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { createSessions } from "holdfast";
import { expressSessions } from "holdfast/express";
import { memoryStore } from "holdfast/stores/memory";
import { type AdapterApp, adapterCases, loginAs, type Serve } from "holdfast/testing";
import { describe, expect, it, test } from "vitest";
import { listen, listening } from "../http/listen.ts";
import { ask } from "../http/wire.ts";
import { answer } from "./express.ts";
import { answer as answerByNode } from "./node.ts";
import { failingStore } from "./stores.ts";

// Its types are those of Express 5, as far as these tests go.
const express4 = createRequire(import.meta.url)("express4") as typeof express;

const serveExpress =
  (make: typeof express, lazy = false): Serve =>
  async (sessions, app) => {
    const server = make().set("env", "test").use(expressSessions(sessions, { lazy }));
    if (lazy) server.use((req, _res, next) => void req.openSession().then(() => next(), next));
    server.use(handlerOf(app), errorHandlerOf(app));
    const { port, close } = await listen(createServer(server));
    return { url: `http://127.0.0.1:${port}`, close };
  };

/** By `next`, as Express 4 knows no promises. */
const handlerOf =
  (app: AdapterApp): RequestHandler =>
  (request, response, next) => {
    const { method, path, session } = request;
    const reply = app.handle({ method, path, body: request }, session);
    reply.then((reply) => answer(response, reply)).catch(next);
  };

const errorHandlerOf =
  (app: AdapterApp): ErrorRequestHandler =>
  (error, _request, response, next) => {
    const reply = app.onError(error);
    if (response.headersSent) next(error);
    else answer(response, reply);
  };

const serveConnect: Serve = async (sessions, app) => {
  const server = connect();
  server.use(expressSessions(sessions));
  server.use((request, response, next) => {
    const { method = "", url: path = "", session } = request as typeof request & { session: unknown };
    const reply = app.handle({ method, path, body: request }, session);
    reply.then((reply) => answerByNode(response, reply)).catch(next);
  });
  server.use(((error, _request, response, next) => {
    const reply = app.onError(error);
    if (response.headersSent) next(error);
    else answerByNode(response, reply);
  }) satisfies connect.ErrorHandleFunction);
  const { port, close } = await listen(createServer(server));
  return { url: `http://127.0.0.1:${port}`, close };
};

describe.each([
  ["Express 5", serveExpress(express)],
  ["Express 4", serveExpress(express4)],
  ["Express 5, lazily", serveExpress(express, true)],
  ["Connect", serveConnect],
])("%s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe.each([
  ["Express 5", express],
  ["Express 4", express4],
])("the middleware in %s", (_, make) => {
  const sessions = createSessions<{ a: number }>({ store: memoryStore() });
  const port = (app: express.Express): Promise<number> => listening(createServer(app.set("env", "test")));
  const change: RequestHandler = (req, res) => {
    (req.session.data as { a?: number }).a = 1;
    res.send("x");
  };

  it("believes the proxies that the app trusts", async () => {
    const behind = { headers: { "X-Forwarded-Proto": "https" } };
    const trusting = await ask(
      await port(make().set("trust proxy", true).use(expressSessions(sessions), change)),
      behind,
    );
    expect(trusting.headers.join("\n")).toMatch(/Set-Cookie: __Host-sid=.*; Secure/);
  });

  it("mounted twice gives a request one session", async () => {
    const seen: unknown[] = [];
    const look: RequestHandler = (req, _res, next) => {
      seen.push(req.session);
      next();
    };
    const twice = make().use(expressSessions(sessions), look, expressSessions(sessions), look, change);
    const { headers } = await ask(await port(twice));
    expect(seen[0]).toBe(seen[1]);
    expect(headers.filter((line) => line.startsWith("Set-Cookie"))).toHaveLength(1);
  });

  it("beside another session library says so, and serves neither", async () => {
    const errors: { code?: string }[] = [];
    const other: RequestHandler = (req, _res, next) => {
      Object.assign(req, { session: { cookie: {} } });
      next();
    };
    const app = make().use(other, expressSessions(sessions), change);
    app.use(((error, _req, res, _next) => {
      errors.push(error);
      res.status(500).end();
    }) as ErrorRequestHandler);
    expect((await ask(await port(app))).status).toBe(500);
    expect(errors.map(({ code }) => code)).toEqual(["session-taken"]);
  });

  it.each([false, true])(
    "behind the middleware of other sessions says so: theirs are not its own (lazy: %s)",
    async (lazy) => {
      const admins = createSessions({ store: memoryStore(), cookie: { name: "admin" } });
      const app = make().use(expressSessions(sessions, { lazy }));
      app.use(
        "/admin",
        expressSessions(admins, { lazy }),
        (req, _res, next) => void req.openSession().then(() => next(), next),
        change,
      );
      app.use(((error, _req, res, _next) => void res.status(500).send(error.code)) as ErrorRequestHandler);
      expect((await ask(await port(app), { path: "/admin" })).body.toString()).toBe("session-taken");
    },
  );

  it.each([false, true])("mounted again, with a copy of its sessions, leaves the session (lazy: %s)", async (lazy) => {
    const app = make().use(
      expressSessions(sessions, { lazy }),
      expressSessions({ ...sessions, open: (head) => sessions.open(head) }, { lazy }),
    );
    app.use((req, _res, next) => void Promise.resolve(req.openSession?.()).then(() => next(), next), change);
    app.use(((error, _req, res, _next) => void res.status(500).send(error.code)) as ErrorRequestHandler);
    expect((await ask(await port(app), { path: "/" })).status).toBe(200);
  });

  it("mounted again, behind one who put a proxy in the session's place, says so too", async () => {
    const app = make().use(expressSessions(sessions), (req, _res, next) => {
      req.session = new Proxy(req.session, {});
      next();
    });
    app.use(expressSessions(sessions), change);
    app.use(((error, _req, res, _next) => void res.status(500).send(error.code)) as ErrorRequestHandler);
    expect((await ask(await port(app), { path: "/" })).body.toString()).toBe("session-taken");
  });

  it("mounted again, after the session was taken off the request, says so too, whatever time the store takes", async () => {
    const memory = memoryStore();
    const slow = createSessions({ store: { ...memory, read: async (handle) => memory.read(handle) } });
    const cookie = await loginAs(slow, "ada");
    const takeOff: RequestHandler = (req, _res, next) => {
      Reflect.deleteProperty(req, "session");
      next();
    };
    const app = make().use(expressSessions(slow), takeOff, expressSessions(slow), change);
    app.use(((error, _req, res, _next) => void res.status(500).send(error.code)) as ErrorRequestHandler);
    expect((await ask(await port(app), { headers: { cookie } })).body.toString()).toBe("session-taken");
  });

  it("serves a router that is mounted on a path, and its errors", async () => {
    const router = make.Router().use(expressSessions(sessions)).get("/x", change);
    router.get("/y", (req) => {
      (req.session.data as { a?: unknown }).a = 10n;
      req.res!.send("y");
    });
    const app = make().use("/shop", router);
    app.use(((error, _req, res, _next) => void res.status(500).send(error.code)) as ErrorRequestHandler);
    const at = await port(app);
    expect((await ask(at, { path: "/shop/x" })).headers.join("\n")).toMatch(/Set-Cookie: sid=/);
    expect((await ask(at, { path: "/shop/y" })).body.toString()).toBe("entry-unserializable");
  });

  it("that is lazy reads no session that nobody asks for, and one that is asked for once", async () => {
    const store = memoryStore();
    const reads: string[] = [];
    const watched = createSessions({
      store: {
        ...store,
        read(handle) {
          reads.push(handle);
          return store.read(handle);
        },
      },
    });
    const cookie = await loginAs(watched, "ada");
    const app = make().use(expressSessions(watched, { lazy: true }));
    app.get("/static", (req, res) => void res.send(String(req.session)));
    app.get("/account", (req, res, next) => {
      Promise.all([req.openSession(), req.openSession()])
        .then(([one, other]) => res.send(`${one === other && one === req.session} ${one.userId}`))
        .catch(next);
    });
    app.get("/late", (req, res) => {
      res.write("late: ");
      req.openSession().catch(({ code }) => res.end(code));
    });
    const at = await port(app);
    const get = async (path: string) => (await ask(at, { path, headers: { cookie } })).body.toString();
    expect([await get("/static"), reads]).toEqual(["undefined", []]);
    expect([await get("/account"), reads.length]).toEqual(["true ada", 1]);
    expect([await get("/late"), reads.length]).toEqual(["late: headers-sent", 1]);
  });

  it("saves what was changed where no route answers", async () => {
    const app = make().use(expressSessions(sessions), (req, _res, next) => {
      (req.session.data as { a?: number }).a = 1;
      next();
    });
    const { status, headers } = await ask(await port(app));
    expect(status).toBe(404);
    expect(headers.join("\n")).toMatch(/Set-Cookie: sid=/);
  });

  it("gives the error handler the session, to tell of what went wrong", async () => {
    const app = make().use(expressSessions(sessions));
    app.get("/", () => {
      throw new Error("no tea");
    });
    app.use(((error, req, res, _next) => {
      req.session.flash("error", error.message);
      res.redirect("/sorry");
    }) as ErrorRequestHandler);
    app.get("/sorry", (req, res) => void res.send(req.session.flash("error").join()));
    const at = await port(app);
    const { headers } = await ask(at);
    const cookie = headers.join("\n").match(/Set-Cookie: ([^;]+)/)![1]!;
    expect((await ask(at, { path: "/sorry", headers: { cookie } })).body.toString()).toBe("no tea");
  });

  it("answers with Express's page where the error handler fails over the session that could not be saved", async () => {
    const app = make().use(expressSessions(createSessions({ store: failingStore("create") })), change);
    const seen: unknown[] = [];
    app.use(((error, req, _res, _next) => {
      seen.push(error.code);
      req.session.flash("error", "It was not saved.");
    }) as ErrorRequestHandler);
    app.use(((error, _req, _res, next) => {
      seen.push(error.code);
      next(error);
    }) as ErrorRequestHandler);
    const { status, complete } = await ask(await port(app));
    expect({ status, complete, seen }).toEqual({ status: 500, complete: true, seen: ["store-failed", "headers-sent"] });
  });
});
