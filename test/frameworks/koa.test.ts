import { createServer, type RequestListener } from "node:http";
import { createSecureServer, createServer as createServer2 } from "node:http2";
import { createServer as createSecure } from "node:https";
import { Readable } from "node:stream";
import { createSessions } from "holdfast";
import { type KoaSessionContext, koaSessions } from "holdfast/koa";
import { memoryStore } from "holdfast/stores/memory";
import { type AppReply, adapterCases, loginAs, type Serve, type Speak } from "holdfast/testing";
import Koa from "koa";
import koaSession from "koa-session";
import { describe, expect, it, test } from "vitest";
import { listen, listening, tls } from "../http/listen.ts";
import { type Answer, ask, type Question } from "../http/wire.ts";
import { speakHttp2 } from "./http2.ts";
import { answer as answerByNode, compatible, type Make } from "./node.ts";
import { failingStore } from "./stores.ts";

interface Data {
  [entry: string]: unknown;
}

type App = Koa<Koa.DefaultState, KoaSessionContext<Data>>;
type Context = Koa.ParameterizedContext<Koa.DefaultState, KoaSessionContext<Data>>;
type Middleware = Koa.Middleware<Koa.DefaultState, KoaSessionContext<Data>>;

/** Koa reports as an error of the app's that a client went away. */
const isClients = (error: NodeJS.ErrnoException): boolean => error.syscall === "write" || error.code === "ECONNRESET";

/** An app that answers errors as Koa's documentation says: in middleware before all other. */
const serveKoa =
  (make: Make, scheme: string, speak?: Speak): Serve =>
  async (sessions, app) => {
    const server: App = new Koa();
    // What fails when the headers have left comes here alone.
    server.on("error", (error) => void (isClients(error) || app.onError(error)));
    server.use(async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        for (const name of Object.keys(ctx.response.headers)) ctx.remove(name);
        answer(ctx, app.onError(error));
      }
    });
    server.use(koaSessions(sessions));
    server.use(async (ctx) => {
      const { method, path, session, req } = ctx;
      answer(ctx, await app.handle({ method, path, body: req }, session));
    });
    const { port, close } = await listen(make(server.callback() as RequestListener));
    return { url: `${scheme}://127.0.0.1:${port}`, close, speak };
  };

function answer(ctx: Context, reply: AppReply): void {
  switch (reply.kind) {
    case "send":
      ctx.body = reply.body ?? null;
      ctx.status = reply.status;
      ctx.set(reply.headers as Record<string, string | string[]>);
      break;
    case "redirect":
      ctx.redirect(reply.location);
      break;
    case "stream":
      ctx.set(reply.headers as Record<string, string | string[]>);
      ctx.body = Readable.from(reply.chunks);
  }
}

/** An app that writes its responses past Koa, and replaces what Koa does of an error. */
const servePastKoa: Serve = async (sessions, app) => {
  const server: App = new Koa();
  server.context.onerror = function (this: Context, error?: Error) {
    if (!error || isClients(error)) return;
    const reply = app.onError(error);
    for (const name of this.res.headersSent ? [] : this.res.getHeaderNames()) this.res.removeHeader(name);
    if (this.res.headersSent) this.res.destroy();
    else answerByNode(this.res, reply);
  };
  server.use(koaSessions(sessions));
  server.use(async (ctx) => {
    ctx.respond = false;
    ctx.res.statusCode = 200;
    const { method, path, session, req, res } = ctx;
    await answerByNode(res, await app.handle({ method, path, body: req }, session));
  });
  const { port, close } = await listen(createServer(server.callback()));
  return { url: `http://127.0.0.1:${port}`, close };
};

describe.each<[string, Serve]>([
  ["Koa 3", serveKoa(createServer, "http")],
  ["Koa 3 over https", serveKoa((listener) => createSecure(tls, listener), "https")],
  ["Koa 3, HTTP/2 in the clear", serveKoa((listener) => createServer2(compatible(listener)), "http", speakHttp2)],
  [
    "Koa 3, HTTP/2 over TLS",
    serveKoa((listener) => createSecureServer(tls, compatible(listener)), "https", speakHttp2),
  ],
  ["Koa 3, by ctx.res", servePastKoa],
])("%s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

interface Asked extends Answer {
  readonly text: string;
  /** The names of the cookies that it set. */
  readonly cookies: string[];
  /** What went to the app's `error` event: codes, or messages. */
  readonly errors: string[];
}

/** Asks an app of this middleware. Koa does with errors what it does by default. */
async function asked(middleware: readonly Middleware[], question?: Question, options?: object): Promise<Asked> {
  const app: App = new Koa(options);
  const errors: string[] = [];
  app.on("error", (error) => errors.push(error.code ?? error.message));
  for (const each of middleware) app.use(each);
  const answer = await ask(await listening(createServer(app.callback())), question);
  const cookies = answer.headers.flatMap((line) => /^set-cookie: ([^=]+)=./i.exec(line)?.[1] ?? []);
  return { ...answer, text: answer.body.toString(), cookies, errors };
}

const change: Middleware = (ctx) => {
  ctx.session.data.a = 1;
  ctx.body = "all is well";
};

describe("the middleware in Koa 3", () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  const use = koaSessions(sessions);
  const down = (...operations: Parameters<typeof failingStore>) =>
    koaSessions(createSessions<Data>({ store: failingStore(...operations) }));

  it("believes the proxies that the app trusts", async () => {
    const behind = { headers: { "X-Forwarded-Proto": "https" } };
    expect((await asked([use, change], behind, { proxy: true })).cookies).toEqual(["__Host-sid"]);
  });

  it("mounted twice gives a request one session", async () => {
    const seen: unknown[] = [];
    const look: Middleware = async (ctx, next) => {
      seen.push(ctx.session);
      await next();
    };
    const { cookies } = await asked([use, look, use, look, change]);
    expect(seen[0]).toBe(seen[1]);
    expect(cookies).toEqual(["sid"]);
  });

  it("beside koa-session says so, and serves neither", async () => {
    const app: App = new Koa({ keys: ["tea"] });
    const errors: unknown[] = [];
    app.on("error", ({ code }) => errors.push(code));
    app.use(koaSession(app as unknown as Koa) as unknown as Middleware);
    app.use(use);
    app.use(change);
    const { status } = await ask(await listening(createServer(app.callback())));
    expect({ status, errors }).toEqual({ status: 500, errors: ["session-taken"] });
  });

  it("leaves its cookie beside those of ctx.cookies", async () => {
    const theme: Middleware = (ctx, next) => {
      ctx.cookies.set("theme", "dark");
      return next();
    };
    const { cookies } = await asked([use, theme, change]);
    expect(cookies.sort()).toEqual(["sid", "theme"]);
  });

  it("saves what was changed where no middleware answers", async () => {
    const { status, cookies } = await asked([use, (ctx) => ctx.session.flash("a", "b")]);
    expect({ status, cookies }).toEqual({ status: 404, cookies: ["sid"] });
  });

  it("has Koa answer 503 where it can't save, with no word of the answer that was meant, and reports it once", async () => {
    const { status, text, cookies, errors } = await asked([down("create"), change]);
    expect({ status, text, cookies, errors }).toEqual({
      status: 503,
      text: "Service Unavailable",
      cookies: [],
      errors: ["store-failed"],
    });
  });

  it("throws what it can't save into the middleware before it, and doesn't try again with the answer to that", async () => {
    const store = memoryStore();
    const tries: string[] = [];
    const create = (handle: string): Promise<never> => {
      tries.push(handle);
      return Promise.reject(new Error("down"));
    };
    const apologize: Middleware = async (ctx, next) => {
      await next().catch((error) => {
        ctx.status = error.status;
        ctx.body = "sorry";
      });
    };
    const using = koaSessions(createSessions<Data>({ store: { ...store, create } }));
    const { status, text, errors } = await asked([apologize, using, change]);
    expect({ status, text, errors, tries: tries.length }).toEqual({ status: 503, text: "sorry", errors: [], tries: 1 });
  });

  it("is no success either where who catches that sets no status, or no body", async () => {
    const well: Middleware = (ctx) => {
      ctx.session.data.a = 1;
      ctx.set("ETag", '"1"');
      ctx.body = { all: "is well" };
    };
    const catching =
      (handle: (ctx: Context) => void): Middleware =>
      (ctx, next) =>
        next().catch(() => handle(ctx));
    const body = catching((ctx) => {
      ctx.body = "sorry";
    });
    const status = catching((ctx) => {
      ctx.status = 503;
    });
    expect(await asked([body, down("create"), well])).toMatchObject({ status: 500, text: "sorry" });
    const answer = await asked([status, down("create"), well]);
    expect(answer).toMatchObject({ status: 503, text: "Service Unavailable" });
    expect(answer.headers.join("\n")).not.toMatch(/etag|json/i);
  });

  it("gives the middleware before it the session: to tell of what went wrong, or to begin one", async () => {
    const tell: Middleware = async (ctx, next) => {
      await next().catch((error) => {
        ctx.session.flash("error", error.message);
        ctx.redirect("/sorry");
      });
    };
    const fail: Middleware = () => Promise.reject(new Error("no tea"));
    expect(await asked([tell, use, fail])).toMatchObject({ status: 302, cookies: ["sid"] });

    const begin: Middleware = async (ctx, next) => {
      await next();
      await ctx.session.login("ada");
    };
    const answer: Middleware = (ctx) => {
      ctx.body = "x";
    };
    expect(await asked([begin, use, answer])).toMatchObject({ status: 200, cookies: ["sid"] });
  });

  it("sends a login's cookie with the error that came after it, though Koa removes all headers", async () => {
    const login: Middleware = async (ctx, next) => {
      await ctx.session.login("ada");
      await next();
    };
    const fail: Middleware = () => Promise.reject(new Error("no tea"));
    expect(await asked([use, login, fail])).toMatchObject({ status: 500, cookies: ["sid"] });
    const unserializable: Middleware = (ctx) => {
      ctx.session.data.a = 10n;
      ctx.set("X-Meant", "1");
      ctx.body = "all is well";
    };
    const answer = await asked([use, login, unserializable]);
    expect(answer).toMatchObject({ status: 500, cookies: ["sid"], text: "Internal Server Error" });
    expect(answer.headers.join("\n")).not.toContain("X-Meant");
    const past: Middleware = (ctx) => {
      ctx.session.data.a = 10n;
      ctx.respond = false;
      ctx.res.end("all is well");
    };
    expect(await asked([use, login, past])).toMatchObject({
      status: 500,
      cookies: ["sid"],
      text: "Internal Server Error",
      errors: ["entry-unserializable"],
    });
  });

  describe("ctx.session = null", () => {
    const end: Middleware = (ctx) => {
      ctx.session = null;
      ctx.body = "bye";
    };

    it("ends the session before the response leaves, and clears its cookie", async () => {
      const store = memoryStore();
      const own = createSessions<Data>({ store });
      const cookie = await loginAs(own, "ada");
      const { text, headers } = await asked([koaSessions(own), end], { headers: { cookie } });
      expect(text).toBe("bye");
      expect(headers.join("\n")).toMatch(/Set-Cookie: sid=;.*Max-Age=0/);
      expect(await own.list({ userId: "ada" })).toEqual([]);
    });

    it("is no 200 where the session could not be ended, however early that was known", async () => {
      const store = failingStore("delete");
      const own = createSessions<Data>({ store });
      const cookie = await loginAs(own, "ada");
      const linger: Middleware = async (ctx, next) => {
        await next();
        await ctx.session.destroy().catch(() => {});
        await Promise.resolve();
      };
      for (const middleware of [[], [linger]]) {
        const answer = await asked([koaSessions(own), ...middleware, end], { headers: { cookie } });
        expect(answer).toMatchObject({ status: 503, errors: ["store-failed"] });
      }
    });

    it("is all that can be assigned", async () => {
      const assign: Middleware = (ctx) => void Object.assign(ctx, { session: { a: 1 } });
      expect(await asked([use, assign])).toMatchObject({ status: 500, errors: ["argument-invalid"] });
    });
  });
});
