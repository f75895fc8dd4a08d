import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import cookie from "@fastify/cookie";
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type RouteHandlerMethod,
} from "fastify";
import { type AnyHoldfastError, createSessions, isHoldfastError, type Session, type Store } from "holdfast";
import { fastifySessions } from "holdfast/fastify";
import { memoryStore } from "holdfast/stores/memory";
import { type AdapterApp, type AppReply, adapterCases, type Serve, type Speak } from "holdfast/testing";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { tls } from "../http/listen.ts";
import { type Answer, ask } from "../http/wire.ts";
import { speakHttp2 } from "./http2.ts";
import { failingStore } from "./stores.ts";

// Its types and ours both declare request.session.
const fastifySession = createRequire(import.meta.url)("@fastify/session") as FastifyPluginCallback<{ secret: string }>;

/** Fastify's options have a type for each kind of server; its API is one. */
type Make = (options: { loggerInstance?: FastifyBaseLogger; forceCloseConnections: true }) => FastifyInstance;

const makers: Record<string, [Make, "http" | "https", Speak?]> = {
  "Fastify 5": [(options) => fastify(options), "http"],
  "Fastify 5 over https": [(options) => fastify({ ...options, https: tls }) as never, "https"],
  "Fastify 5, HTTP/2 in the clear": [(options) => fastify({ ...options, http2: true }) as never, "http", speakHttp2],
  "Fastify 5, HTTP/2 over TLS": [
    (options) => fastify({ ...options, http2: true, https: tls }) as never,
    "https",
    speakHttp2,
  ],
};

const serveFastify =
  (make: Make, scheme: string, speak?: Speak): Serve =>
  async (sessions, app) => {
    const server = make({ loggerInstance: logger(app.onError), forceCloseConnections: true });
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    server.register(fastifySessions(sessions));
    server.setErrorHandler((error, _request, reply) => answer(reply, app.onError(error)));
    server.all("/*", async (request, reply) => {
      const { method, url: path, session, raw } = request;
      return answer(reply, await app.handle({ method, path, body: raw }, session));
    });
    await server.listen({ port: 0, host: "127.0.0.1" });
    const { port } = server.addresses()[0] as AddressInfo;
    return {
      url: `${scheme}://127.0.0.1:${port}`,
      close: () => server.close() as Promise<unknown> as Promise<void>,
      speak,
    };
  };

function answer(reply: FastifyReply, answer: AppReply): FastifyReply {
  switch (answer.kind) {
    case "send":
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    case "redirect":
      return reply.redirect(answer.location);
    case "stream":
      return reply.headers(answer.headers).send(breaking(Readable.from(answer.chunks), reply));
  }
}

/** Over HTTP/2 Fastify lets a stream whose source fails end as if it were whole, with or without sessions: here the app breaks it off. */
function breaking(source: Readable, { raw }: FastifyReply): Readable {
  return source.on("error", () => "stream" in raw && (raw as unknown as Http2ServerResponse).stream.close(2));
}

/** What fails after the headers have left is logged: Fastify has no other place for it. */
function logger(onError: AdapterApp["onError"]): FastifyBaseLogger {
  const nothing = (): void => {};
  const error = (fields: { err?: unknown }): void => void (isHoldfastError(fields.err) && onError(fields.err));
  const all = { level: "error", fatal: nothing, error, warn: nothing, info: nothing, debug: nothing, trace: nothing };
  const log = { ...all, silent: nothing, child: () => log } as unknown as FastifyBaseLogger;
  return log;
}

describe.each(Object.entries(makers))("%s", (_, [make, scheme, speak]) => {
  for (const { name, run } of adapterCases(serveFastify(make, scheme, speak))) test(name, run);
});

interface Data {
  a: number;
}

async function at(app: FastifyInstance): Promise<number> {
  onTestFinished(() => app.close() as Promise<unknown> as Promise<void>);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return (app.addresses()[0] as AddressInfo).port;
}

const cookies = ({ headers }: Answer): string[] =>
  headers.filter((line) => /^set-cookie: /i.test(line)).map((line) => line.split(/[ =]/)[1]!);

describe("the plugin in Fastify 5", () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  const change: RouteHandlerMethod = async (request) => {
    request.getDecorator<Session<Data>>("session").data.a = 1;
    return "x";
  };

  it("belongs to the scope that registers it, and those within: not to those beside it", async () => {
    const app = fastify();
    app.register(async (shop) => {
      shop.register(fastifySessions(sessions));
      shop.get("/shop", change);
      shop.register(async (inner) => void inner.get("/shop/inner", change));
    });
    app.register(async (files) => void files.get("/files", (request) => String("session" in request)));
    const port = await at(app);
    expect(cookies(await ask(port, { path: "/shop" }))).toEqual(["sid"]);
    expect(cookies(await ask(port, { path: "/shop/inner" }))).toEqual(["sid"]);
    const files = await ask(port, { path: "/files" });
    expect([files.body.toString(), files.headers.join()]).toEqual([
      "false",
      expect.not.stringMatching(/vary|set-cookie/i),
    ]);
  });

  it("serves two scopes with sessions of their own each", async () => {
    const app = fastify();
    for (const name of ["shop", "admin"]) {
      app.register(async (scope) => {
        scope.register(fastifySessions(createSessions({ store: memoryStore(), cookie: { name } })));
        scope.get(`/${name}`, change);
      });
    }
    const port = await at(app);
    expect(cookies(await ask(port, { path: "/shop" }))).toEqual(["shop"]);
    expect(cookies(await ask(port, { path: "/admin" }))).toEqual(["admin"]);
  });

  it("fails at the start where the scope has another session, or is of another version", async () => {
    const twice = fastify();
    twice.register(fastifySessions(sessions)).register(fastifySessions(sessions));
    await expect(twice.ready()).rejects.toMatchObject({ code: "FST_ERR_DEC_ALREADY_PRESENT" });
    const beside = fastify();
    beside
      .register(cookie)
      .register(fastifySession, { secret: "tea".repeat(11) })
      .register(fastifySessions(sessions));
    await expect(beside.ready()).rejects.toMatchObject({ code: "FST_ERR_DEC_ALREADY_PRESENT" });
    const old = fastify();
    Object.defineProperty(old, "version", { value: "4.29.0" });
    old.register(fastifySessions(sessions));
    await expect(old.ready()).rejects.toMatchObject({ code: "FST_ERR_PLUGIN_VERSION_MISMATCH" });
  });

  it("believes the proxies that the app trusts", async () => {
    const behind = { headers: { "X-Forwarded-Proto": "https" } };
    const app = fastify({ trustProxy: true });
    app.register(fastifySessions(sessions)).get("/", change);
    expect(cookies(await ask(await at(app), behind))).toEqual(["__Host-sid"]);
  });

  it("answers what is injected, without a socket", async () => {
    const app = fastify();
    app.register(fastifySessions(sessions)).get("/", change);
    app.get("/stream", (request, reply) => {
      request.session.flash("a", "b");
      return reply.send(Readable.from(["x"]));
    });
    for (const url of ["/", "/stream"]) {
      const { statusCode, body, cookies } = await app.inject(url);
      expect([statusCode, body, cookies.length]).toEqual([200, "x", 1]);
    }
  });

  it("saves what onSend hooks change, and what no route answers", async () => {
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.addHook("onSend", async (request) => request.session.flash("seen", request.url));
    expect(cookies(await ask(await at(app)))).toEqual(["sid"]);
  });

  it("leaves its cookie beside those of @fastify/cookie, whichever is registered first", async () => {
    for (const first of [true, false]) {
      const app = fastify();
      if (first) app.register(cookie);
      app.register(fastifySessions(sessions));
      if (!first) app.register(cookie);
      app.get("/", (request, reply) => {
        request.session.flash("a", "b");
        return reply.setCookie("theme", "dark").setCookie("lang", "ko").send("x");
      });
      expect(cookies(await ask(await at(app))).sort()).toEqual(["lang", "sid", "theme"]);
    }
  });

  it("keeps a login's cookie, and adds the error handler's, where what follows the login can't be saved", async () => {
    const app = fastify();
    app.register(cookie);
    app.register(fastifySessions(createSessions({ store: memoryStore() })));
    app.get("/", async (request, reply) => {
      await request.session.login("ada");
      Object.assign(request.session.data, { a: 10n });
      return reply.header("x-frame-options", "DENY").header("etag", '"1"').send("x");
    });
    app.setErrorHandler((error: AnyHoldfastError, _request, reply) => {
      return reply.code(error.statusCode).setCookie("sorry", "1").send({ code: error.code });
    });
    const answer = await ask(await at(app));
    expect([answer.status, answer.body.toString()]).toEqual([500, '{"code":"entry-unserializable"}']);
    expect(cookies(answer).sort()).toEqual(["sid", "sorry"]);
    expect(answer.headers.join("\n")).toMatch(/x-frame-options/i);
    expect(answer.headers.join("\n")).not.toMatch(/etag/i);
  });

  it("answers 503 by Fastify's own error handler, and runs onError and onSend hooks for it", async () => {
    const hooks: string[] = [];
    const app = fastify();
    app.register(fastifySessions(createSessions<Data>({ store: failingStore("create") })));
    app.addHook("onError", async (_request, _reply, error) => void hooks.push(`error ${error.code}`));
    app.addHook("onSend", async (_request, reply) => void hooks.push(`send ${reply.statusCode}`));
    app.get("/", change);
    const { status, body } = await ask(await at(app));
    expect([status, JSON.parse(body.toString()).code]).toEqual([503, "store-failed"]);
    expect(hooks).toEqual(["send 200", "error store-failed", "send 503"]);
  });

  it("goes to the next error handler where the session of an error handler's answer can't be saved", async () => {
    const app = fastify();
    app.register(fastifySessions(createSessions<Data>({ store: failingStore("create") })));
    app.get("/", async () => Promise.reject(new Error("no tea")));
    let handled = 0;
    app.setErrorHandler((error: Error, request, reply) => {
      handled++;
      request.session.flash("error", error.message);
      return reply.redirect("/sorry");
    });
    const { status, headers } = await ask(await at(app));
    expect([status, handled]).toEqual([503, 1]);
    expect(headers.join("\n")).not.toMatch(/location/i);
  });

  it.each<[string, () => Readable | ReadableStream, boolean]>([
    ["a stream", () => Readable.from(["all ", "is ", "well"]), false],
    ["a web stream", () => Readable.toWeb(Readable.from(["all ", "is ", "well"])) as ReadableStream, false],
    ["an empty stream", () => Readable.from([]), false],
    ["a stream with a trailer", () => Readable.from(["all ", "is ", "well"]), true],
  ])("answers 503 in the place of %s, and leaves its source closed", async (_, make, trailer) => {
    const app = fastify();
    app.register(fastifySessions(createSessions<Data>({ store: failingStore("create") })));
    let source: Readable | ReadableStream | undefined;
    app.get("/", (request, reply) => {
      request.getDecorator<Session<Data>>("session").data.a = 1;
      source = make();
      if (trailer) reply.trailer("x-sum", async () => "1");
      return reply.header("content-language", "ko").send(source);
    });
    const answer = await ask(await at(app));
    expect([answer.status, answer.complete, JSON.parse(answer.body.toString()).code]).toEqual([
      503,
      true,
      "store-failed",
    ]);
    expect(answer.headers.join("\n")).not.toMatch(/content-language/i);
    if (source instanceof Readable) expect(source.destroyed).toBe(true);
  });

  describe("behind reply.hijack()", () => {
    const hijacked = async (store: Store, handler: (raw: ServerResponse, session: Session<Data>) => unknown) => {
      const logged: unknown[] = [];
      const app = fastify({
        loggerInstance: logger((error) => {
          logged.push((error as AnyHoldfastError).code);
          return { kind: "send", status: 500, headers: {}, body: "" };
        }),
      });
      app.register(fastifySessions(createSessions<Data>({ store })));
      app.get("/", (request, reply) => {
        reply.hijack();
        handler(reply.raw, request.getDecorator<Session<Data>>("session"));
      });
      const answer = await ask(await at(app as unknown as FastifyInstance));
      return { ...answer, logged };
    };
    const write = (raw: ServerResponse, { data }: Session<Data>): void => {
      data.a = 1;
      raw.writeHead(200, { "Content-Type": "text/event-stream" }).write("data: 1\n\n");
      raw.end();
    };

    it("what is written to reply.raw waits for the session, and carries its cookie", async () => {
      const answer = await hijacked(memoryStore(), write);
      expect([answer.status, answer.body.toString(), cookies(answer)]).toEqual([200, "data: 1\n\n", ["sid"]]);
    });

    it("a session that can't be saved is answered by its status alone, and logged", async () => {
      const { status, body, complete, logged } = await hijacked(failingStore("create"), write);
      expect([status, body.toString(), complete]).toEqual([503, "Service Unavailable\n", true]);
      expect(logged).toEqual(["store-failed"]);
    });
  });
});
