import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { createSessions, type HoldfastError, isHoldfastError, type Sessions } from "holdfast";
import { honoSessions } from "holdfast/hono";
import { memoryStore } from "holdfast/stores/memory";
import { type AppReply, adapterCases, type Serve } from "holdfast/testing";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { stream, streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { listen, tls } from "../http/listen.ts";
import { appRequest, responseOf } from "./fetch.ts";
import type { Make } from "./node.ts";
import { failingStore } from "./stores.ts";

type Data = Record<string, unknown>;

const serveHono =
  (make: Make, scheme: "http" | "https", overrideGlobalObjects: boolean): Serve =>
  async (sessions, app) => {
    const hono = new Hono()
      .use(honoSessions(sessions, { onStreamError: app.onError }))
      .all("*", async (c) => answer(c, await app.handle(appRequest(c.req.raw), c.var.session)));
    hono.onError((error, c) => answer(c, app.onError(error)));
    const { port, close } = await listen(make(getRequestListener(hono.fetch, { overrideGlobalObjects })));
    return { url: `${scheme}://127.0.0.1:${port}`, close };
  };

/** By the context's own means, but for streams. */
function answer(c: Context, reply: AppReply): Response {
  switch (reply.kind) {
    case "send":
      return c.body((reply.body ?? null) as string, reply.status as 200, { ...reply.headers });
    case "redirect":
      return c.redirect(reply.location);
    case "stream":
      return responseOf(reply);
  }
}

// Hono's server puts light stand-ins in the place of Request and Response for the whole process, once asked to.
describe.each([
  ["http, native responses", serveHono(createServer, "http", false)],
  ["http", serveHono(createServer, "http", true)],
  ["https", serveHono((listener) => createSecure(tls, listener), "https", true)],
])("Hono by %s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe("the middleware in Hono", () => {
  let sessions: Sessions<Data>;
  const down = () => createSessions<Data>({ store: failingStore("create") });
  const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]!.split(";")[0]!;
  const names = ({ headers }: Response): string[] => [...headers.keys()];

  beforeEach(() => {
    sessions = createSessions<Data>({ store: memoryStore() });
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(async () => {
    await sessions.close();
    vi.restoreAllMocks();
  });

  describe("where the session can't be saved", () => {
    it("answers Hono's 500 by default, with nothing of what the handler answered", async () => {
      const app = new Hono().use(honoSessions(down())).get("/", (c) => {
        c.header("ETag", '"1"');
        c.header("X-Secret", "1");
        c.var.session.data.n = 1;
        return c.json({ well: true }, 201, { "content-language": "ko" });
      });
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
      expect(names(response)).toEqual(["content-type", "vary"]);
      expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    });

    it("answers 500 where onError names no status, and a raw body where it names no type", async () => {
      const app = new Hono().use(honoSessions(down())).get("/", (c) => {
        c.status(201);
        c.var.session.data.n = 1;
        return c.html("<p>well");
      });
      app.onError((error, c) => c.body((error as HoldfastError).code));
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([500, "store-failed"]);
      expect(response.headers.get("content-type")).not.toMatch(/html/);
    });

    it("keeps the headers that middleware before it had set for any response", async () => {
      const app = new Hono()
        .use(cors({ origin: "https://shop.test", credentials: true }))
        .use((c, next) => {
          c.header("X-Request-Id", "7");
          return next();
        })
        .use(honoSessions(down()))
        .get("/", (c) => {
          c.header("X-Secret", "1");
          c.var.session.data.n = 1;
          return new Response("well", { headers: { etag: '"1"' } });
        });
      app.onError((error, c) => c.text("sorry", isHoldfastError(error) ? (error.status as 503) : 500));
      const response = await app.request("/", { headers: { origin: "https://shop.test" } });
      expect(response.status).toBe(503);
      expect(response.headers.get("access-control-allow-origin")).toBe("https://shop.test");
      expect(response.headers.get("x-request-id")).toBe("7");
      expect([response.headers.get("etag"), response.headers.get("x-secret")]).toEqual([null, null]);
      expect(response.headers.get("vary")).toBe("Cookie, Origin");
    });

    it.each([
      ["of the context", (c: { text(text: string, status: 500): Response }) => c.text("sorry", 500)],
      ["of its own", () => new Response("sorry", { status: 500 })],
    ])("sends a login's new cookie once with a response %s", async (_, sorry) => {
      const app = new Hono().use(honoSessions(sessions)).get("/", async (c) => {
        c.header("Set-Cookie", "other=1");
        await c.var.session.login("ada");
        c.var.session.data.n = 1n;
        return c.text("well");
      });
      app.onError((_, c) => sorry(c));
      app.get("/who", (c) => c.text(c.var.session.userId ?? "nobody"));
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([500, "sorry"]);
      expect(response.headers.getSetCookie()).toHaveLength(1);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(await (await app.request("/who", { headers: { cookie: cookieOf(response) } })).text()).toBe("ada");
    });

    it("stops the source of the stream that nobody will read", async () => {
      const cancel = vi.fn();
      const app = new Hono().use(honoSessions(down())).get("/", (c) => {
        c.var.session.data.n = 1;
        return c.body(new ReadableStream({ cancel }));
      });
      expect((await app.request("/")).status).toBe(500);
      expect(cancel).toHaveBeenCalledOnce();
    });
  });

  describe("where a handler throws", () => {
    it("saves nothing more, and its exception's own response tells of the login before", async () => {
      const app = new Hono()
        .use(honoSessions(sessions))
        .get("/", async (c) => {
          await c.var.session.login("ada");
          c.var.session.data.n = 1;
          throw new HTTPException(402, { res: new Response("pay", { headers: { "set-cookie": "other=1" } }) });
        })
        .get("/who", (c) => c.json([c.var.session.userId, c.var.session.data]));
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([402, "pay"]);
      expect(response.headers.getSetCookie()).toHaveLength(2);
      const cookie = response.headers.getSetCookie()[1]!.split(";")[0]!;
      expect(await (await app.request("/who", { headers: { cookie } })).json()).toEqual(["ada", {}]);
    });

    it("lets onError save what it tells the user", async () => {
      const app = new Hono()
        .use(honoSessions(sessions))
        .get("/", () => {
          throw new Error("no tea");
        })
        .get("/sorry", (c) => c.text(c.var.session.flash("error").join()));
      app.onError(async (error, c) => {
        const { session } = c.var as unknown as {
          session: { flash(kind: string, text: string): void; save(): Promise<void> };
        };
        session.flash("error", error.message);
        await session.save();
        return c.redirect("/sorry");
      });
      const response = await app.request("/");
      expect(response.status).toBe(302);
      expect(await (await app.request("/sorry", { headers: { cookie: cookieOf(response) } })).text()).toBe("no tea");
    });

    it("by a scope's own onError answers with what that says, the session's cookie with it", async () => {
      const api = new Hono().use(honoSessions(sessions)).get("/x", async (c) => {
        await c.var.session.login("ada");
        throw new Error("x");
      });
      api.get("/y", async (c) => {
        c.var.session.data.y = 1n;
        return c.text("well");
      });
      api.onError((error, c) => c.text(`scope: ${(error as HoldfastError).code ?? error.message}`, 500));
      const app = new Hono().route("/api", api);
      const thrown = await app.request("/api/x");
      expect(await thrown.text()).toBe("scope: x");
      expect(thrown.headers.getSetCookie()).toHaveLength(1);
      expect(await (await app.request("/api/y")).text()).toBe("scope: entry-unserializable");
    });
  });

  it("leaves Hono its error for a handler that forgets to answer, and tells of the login before", async () => {
    const app = new Hono().use(honoSessions(sessions)).get("/", (async (c: {
      var: { session: { login(id: string): unknown } };
    }) => {
      await c.var.session.login("ada");
    }) as never);
    const response = await app.request("/");
    expect(response.status).toBe(500);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(console.error).toHaveBeenCalledWith(
      expect.objectContaining({ message: expect.stringContaining("not finalized") }),
    );
  });

  it("doubles no cookie of the app's, whichever way it set it", async () => {
    const app = new Hono().use(honoSessions(sessions)).get("/", (c) => {
      c.header("Set-Cookie", "a=1", { append: true });
      c.var.session.data.n = 1;
      return c.text("well", 200, { "Set-Cookie": ["b=1", "c=1"] });
    });
    app.get("/raw", (c) => {
      c.var.session.data.n = 1;
      return new Response(null, { status: 204, headers: { "set-cookie": "a=1" } });
    });
    const own = (response: Response) => response.headers.getSetCookie().filter((line) => !/^[abc]=1/.test(line));
    for (const path of ["/", "/raw"]) expect(own(await app.request(path))).toHaveLength(1);
    expect((await app.request("/raw")).headers.getSetCookie()).toHaveLength(2);
  });

  it("mounted twice, in the app and in a route, gives a request one session", async () => {
    const api = new Hono().use(honoSessions(sessions)).get("/", (c) => {
      c.var.session.data.n = 1;
      return c.text(String(c.var.session === c.get("session")));
    });
    const response = await new Hono().use(honoSessions(sessions)).route("/", api).request("/");
    expect(await response.text()).toBe("true");
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("beside another session library says so", async () => {
    const app = new Hono<{ Variables: { session: unknown } }>();
    app.use((c, next) => {
      c.set("session", { get: () => 1 });
      return next();
    });
    app.get("/", honoSessions(sessions) as never, (c) => c.text("well"));
    app.onError((error, c) => c.text((error as HoldfastError).code, 500));
    expect(await (await app.request("/")).text()).toBe("session-taken");
  });

  it("behind other sessions says so: theirs are not its own", async () => {
    const admins = createSessions<{ n: number }>({ store: memoryStore(), cookie: { name: "admin" } });
    const app = new Hono().use(honoSessions(sessions)).get("/", honoSessions(admins), (c) => c.text("well"));
    app.onError((error, c) => c.text((error as HoldfastError).code, 500));
    expect(await (await app.request("/")).text()).toBe("session-taken");
  });

  it("leaves a response alone whose session was not asked for", async () => {
    const given = new Response("static");
    const app = new Hono().use(honoSessions(sessions)).get("/", () => given);
    expect(await app.request("/")).toBe(given);
  });

  it("saves what was changed where no route answers, and in app.notFound", async () => {
    const app = new Hono().use(honoSessions(sessions)).use((c, next) => {
      c.var.session.data.n = 1;
      return next();
    });
    const response = await app.request("/");
    expect([response.status, response.headers.getSetCookie().length]).toEqual([404, 1]);
    const lost = new Hono<{ Variables: { session: { data: Data } } }>().use(honoSessions(sessions) as never);
    lost.notFound((c) => {
      c.var.session.data.n = 1;
      return c.text("lost", 404);
    });
    expect((await lost.request("/")).headers.getSetCookie()).toHaveLength(1);
  });

  it("streams by Hono's helpers: update saves in mid-stream, and each event leaves at once", async () => {
    const go = Promise.withResolvers<void>();
    const app = new Hono()
      .use(honoSessions(sessions))
      .get("/sse", (c) =>
        streamSSE(c, async (sse) => {
          await sse.writeSSE({ data: "first" });
          await go.promise;
          await c.var.session.update("n", () => 2);
          await sse.writeSSE({ data: "last" });
        }),
      )
      .get("/data", (c) => c.json(c.var.session.data))
      .get("/begin", (c) => {
        c.var.session.data.n = 1;
        return c.body(null);
      });
    const headers = { cookie: cookieOf(await app.request("/begin")) };
    const reader = (await app.request("/sse", { headers })).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("first");
    go.resolve();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("last");
    expect((await reader.read()).done).toBe(true);
    expect(await (await app.request("/data", { headers })).json()).toEqual({ n: 2 });
  });

  it("breaks a helper's stream off where a change in it is not saved, and reports that", async () => {
    const go = Promise.withResolvers<void>();
    const onStreamError = vi.fn();
    const app = new Hono().use(honoSessions(sessions, { onStreamError })).get("/", (c) => {
      c.var.session.data.n = 1;
      return stream(c, async (out) => {
        await out.write("first");
        await go.promise;
        c.var.session.data.n = 2;
      });
    });
    const response = await app.request("/");
    go.resolve();
    await expect(response.text()).rejects.toThrow();
    expect(onStreamError).toHaveBeenCalledWith(expect.objectContaining({ code: "headers-sent" }));
  });

  it("answers an error in place of a stream that ends at once, where a change in it is not saved", async () => {
    const app = new Hono().use(honoSessions(sessions)).get("/", (c) => {
      c.var.session.data.n = 1;
      return stream(c, async (out) => {
        await out.write("first");
        c.var.session.data.n = 2;
      });
    });
    app.onError((error, c) => c.text((error as HoldfastError).code, 500));
    const response = await app.request("/");
    expect([response.status, await response.text()]).toEqual([500, "headers-sent"]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("answers HEAD as GET, without its body", async () => {
    const app = new Hono().use(honoSessions(sessions)).get("/", (c) => {
      c.var.session.data.n = 1;
      return c.text("well");
    });
    const response = await app.request("/", { method: "HEAD" });
    expect([response.headers.getSetCookie().length, await response.text()]).toEqual([1, ""]);
  });
});
