import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import {
  createEventStream,
  defineWebSocketHandler,
  fromNodeHandler,
  H3,
  HTTPError,
  HTTPResponse,
  iterable,
  onError,
  redirect,
} from "h3";
import { toNodeHandler } from "h3/node";
import { createSessions, type HoldfastError, type Sessions } from "holdfast";
import { h3Sessions } from "holdfast/h3";
import { memoryStore } from "holdfast/stores/memory";
import { type AdapterApp, type AppReply, adapterCases, type Serve } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { listen, listening, tls } from "../http/listen.ts";
import { ask } from "../http/wire.ts";
import { appRequest, responseOf } from "./fetch.ts";
import type { Make } from "./node.ts";
import { failingStore } from "./stores.ts";

type Data = Record<string, unknown>;

const serveH3 =
  (make: Make, scheme: "http" | "https", answer: (reply: AppReply) => unknown): Serve =>
  async (sessions, app: AdapterApp) => {
    const { middleware, session } = h3Sessions(sessions, { onStreamError: app.onError });
    const h3 = new H3({ silent: true, onError: ({ cause }) => answer(app.onError(cause)) })
      .use(middleware)
      .all("/**", async (event) => answer(await app.handle(appRequest(event.req as Request), session(event))));
    const { port, close } = await listen(make(toNodeHandler(h3) as Parameters<Make>[0]));
    return { url: `${scheme}://127.0.0.1:${port}`, close };
  };

/** By what h3 makes a response of. */
function asValue(reply: AppReply): unknown {
  switch (reply.kind) {
    case "send": {
      const { status, headers } = responseOf(reply);
      return new HTTPResponse(reply.body ?? null, { status, headers });
    }
    case "redirect":
      return redirect(reply.location);
    case "stream": {
      const { body, headers } = responseOf(reply);
      return new HTTPResponse(body, { headers });
    }
  }
}

describe.each([
  ["http, values", serveH3(createServer, "http", asValue)],
  ["http, responses", serveH3(createServer, "http", responseOf)],
  ["https, values", serveH3((listener) => createSecure(tls, listener), "https", asValue)],
])("h3 by %s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe("the middleware in h3", () => {
  let sessions: Sessions<Data>;
  const down = () => createSessions<Data>({ store: failingStore("create") });
  const cookieOf = (response: Response): string => response.headers.getSetCookie().at(-1)!.split(";")[0]!;

  /** An app whose every path answers what the handler does. */
  function appOf(
    handler: (
      session: ReturnType<ReturnType<typeof h3Sessions<Data>>["session"]>,
      event: import("h3").H3Event,
    ) => unknown,
    { sessions: given = sessions, ...config }: { sessions?: Sessions<Data> } & import("h3").H3Config = {},
  ): H3 {
    const { middleware, session } = h3Sessions(given);
    return new H3({ silent: true, ...config }).use(middleware).all("/**", (event) => handler(session(event), event));
  }

  beforeEach(() => {
    sessions = createSessions<Data>({ store: memoryStore() });
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(async () => {
    await sessions.close();
    vi.restoreAllMocks();
  });

  it.each([
    ["a string", () => "well", "well"],
    ["JSON", () => ({ well: true }), '{"well":true}'],
    ["nothing", () => null, ""],
    ["bytes", () => new TextEncoder().encode("well"), "well"],
    ["a blob", () => new Blob(["well"]), "well"],
    ["a stream", () => new Blob(["well"]).stream(), "well"],
    ["a generator's items", () => iterable(["we", "ll"]), "well"],
    ["an HTTPResponse", () => new HTTPResponse("well", { headers: { vary: "Origin" } }), "well"],
    ["a Response", () => new Response("well", { headers: { vary: "Origin" } }), "well"],
    ["a redirect", () => Response.redirect("http://shop.test/", 303), ""],
    ["a Response of an error", () => new Response("no", { status: 404 }), "no"],
  ])("sends the cookie and what the app prepared with %s", async (_, value, text) => {
    const app = appOf((session, event) => {
      session.data.n = 1;
      event.res.headers.append("set-cookie", "a=1");
      event.res.errHeaders.append("set-cookie", "a=1");
      event.res.headers.set("x-app", "1");
      return value();
    });
    const response = await app.request("/");
    expect(await response.text()).toBe(text);
    expect(response.headers.getSetCookie()).toEqual(["a=1", expect.stringMatching(/^sid=/)]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("vary")).toMatch(/^(Origin, )?Cookie$/);
    if (response.ok) expect(response.headers.get("x-app")).toBe("1");
  });

  it("never gives one client's id to the next that the same Response is for", async () => {
    const empty = new Response(null, { status: 204 });
    const app = appOf((session) => {
      session.data.n ??= 1;
      return empty;
    });
    expect(cookieOf(await app.request("/"))).not.toBe(cookieOf(await app.request("/")));
    expect(empty.headers.getSetCookie()).toEqual([]);
  });

  describe("where the session can't be saved", () => {
    it("answers h3's error with its status, with nothing of what the handler answered", async () => {
      const app = appOf(
        (session, event) => {
          event.res.status = 201;
          event.res.headers.set("etag", '"1"');
          session.data.n = 1;
          return "well";
        },
        { sessions: down() },
      );
      const response = await app.request("/");
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ status: 503, unhandled: true });
      expect([...response.headers.keys()]).toEqual(["content-type", "vary"]);
    });

    it("answers its status where the app's onError answers a mere value", async () => {
      const app = appOf(
        (session, event) => {
          event.res.status = 201;
          event.res.headers.set("etag", '"1"');
          session.data.n = 1;
          return "well";
        },
        { sessions: down(), onError: ({ status }) => `sorry: ${status}` },
      );
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([503, "sorry: 503"]);
      expect(response.headers.get("etag")).toBeNull();
    });

    it("stops the source of the stream that nobody will read", async () => {
      const cancel = vi.fn();
      const app = appOf(
        (session) => {
          session.data.n = 1;
          return new ReadableStream({ cancel });
        },
        { sessions: down() },
      );
      expect((await app.request("/")).status).toBe(503);
      expect(cancel).toHaveBeenCalledOnce();
    });

    it("is an error that middleware before it catches", async () => {
      const { middleware, session } = h3Sessions(down());
      const app = new H3({ silent: true }).use(onError((error) => `caught ${error.status}`)).use(middleware);
      app.get("/", (event) => {
        session(event).data.n = 1;
        return "well";
      });
      expect(await (await app.request("/")).text()).toBe("caught 503");
    });
  });

  it.each([
    ["h3 answers", undefined],
    ["onError answers with a value", () => ({ sorry: true })],
    ["onError answers with an HTTPResponse", () => new HTTPResponse("sorry", { status: 500 })],
    ["onError answers with a Response", () => new Response("sorry", { status: 500 })],
  ])("tells of the login before the error that %s", async (_, answer) => {
    const app = appOf(
      async (session, event) => {
        switch (event.url.pathname) {
          case "/who":
            return { userId: session.userId, data: session.data };
          case "/save":
            await session.login("ada");
            session.data.n = 1n;
            return "well";
          default:
            await session.login("ada");
            session.data.n = 1;
            if (event.url.pathname === "/returned") return new HTTPError({ status: 402 });
            throw new HTTPError({ status: 402 });
        }
      },
      answer ? { onError: answer } : {},
    );
    for (const path of ["/save", "/thrown", "/returned"]) {
      const response = await app.request(path);
      expect([path, response.headers.getSetCookie().length]).toEqual([path, 1]);
      if (!answer) expect(response.status).toBe(path === "/save" ? 500 : 402);
      const who = await app.request("/who", { headers: { cookie: cookieOf(response) } });
      expect(await who.json()).toEqual({ userId: "ada", data: {} });
    }
  });

  it.each([
    ["by default", {}],
    ["by an onError that answers a Response", { onError: () => new Response("lost", { status: 404 }) }],
  ])("saves what middleware changed where no route answers, %s", async (_, config) => {
    const { middleware, session } = h3Sessions(sessions);
    const app = new H3({ silent: true, ...config }).use(middleware).use((event) => {
      session(event).data.n = 1;
    });
    const response = await app.request("/");
    expect([response.status, response.headers.getSetCookie().length]).toEqual([404, 1]);
  });

  it("leaves it a 404 where no route answers, in the eyes of middleware before it too", async () => {
    const { middleware, session } = h3Sessions(sessions);
    const app = new H3({ silent: true })
      .use(onError(() => "caught"))
      .use(middleware)
      .use((event) => {
        session(event).data.n = 1;
      });
    expect((await app.request("/")).status).toBe(404);
  });

  it("mounted twice, in the app and in a route, gives a request one session; event.context has it", async () => {
    const { middleware, session } = h3Sessions(sessions);
    const app = new H3().use(middleware);
    app.get(
      "/",
      (event) => {
        session(event).data.n = 1;
        return String(event.context.session === session(event));
      },
      { middleware: [h3Sessions(sessions).middleware] },
    );
    const response = await app.request("/");
    expect(await response.text()).toBe("true");
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it("beside another session library says so", async () => {
    const errors: unknown[] = [];
    const app = new H3({ silent: true, onError: ({ cause }) => void errors.push((cause as HoldfastError).code) });
    app.use((event) => void Object.assign(event.context, { session: { id: 1 } }));
    app.use(h3Sessions(sessions).middleware).get("/", () => "well");
    expect((await app.request("/")).status).toBe(500);
    expect(errors).toEqual(["session-taken"]);
  });

  it("leaves a request alone whose session was not asked for", async () => {
    const given = new Response("static");
    expect(await appOf(() => given).request("/")).toBe(given);
  });

  it("says what is missing where the request did not come through the middleware", async () => {
    const { session } = h3Sessions(sessions);
    const errors: unknown[] = [];
    const app = new H3({ silent: true, onError: ({ cause }) => void errors.push(cause) });
    app.get("/", (event) => session(event).userId);
    expect((await app.request("/")).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ name: "TypeError" })]);
  });

  it("streams events, in whose midst update saves", async () => {
    const go = Promise.withResolvers<void>();
    const app = appOf((session, event) => {
      if (event.url.pathname === "/data") return session.data;
      if (event.url.pathname === "/begin") {
        session.data.n = 1;
        return null;
      }
      session.data.n ??= 0;
      const events = createEventStream(event);
      void (async () => {
        await events.push("first");
        await go.promise;
        await session.update("n", () => 2);
        await events.push("last");
        await events.close();
      })();
      return events;
    });
    const headers = { cookie: cookieOf(await app.request("/begin")) };
    const reader = (await app.request("/events", { headers })).body!.getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe("data: first\n\n");
    go.resolve();
    expect(await next()).toBe("data: last\n\n");
    expect((await reader.read()).done).toBe(true);
    expect(await (await app.request("/data", { headers })).json()).toEqual({ n: 2 });
  });

  it("leaves a WebSocket handler its hooks", async () => {
    const hooks = { message: () => {} };
    const { middleware, session } = h3Sessions(sessions);
    const app = new H3().use(middleware).use((event) => void session(event).userId);
    app.get("/ws", defineWebSocketHandler(hooks));
    expect(await app.request("/ws")).toMatchObject({ status: 426, crossws: hooks });
  });

  it("saves what a Node handler beside it changed, and reports a cookie that could not leave", async () => {
    const onStreamError = vi.fn();
    const { middleware, session } = h3Sessions(sessions, { onStreamError });
    const app = new H3().use(middleware).use((event) => {
      session(event).data.n = 1;
    });
    app.get(
      "/",
      fromNodeHandler((_req, res) => void res.end("by Node")),
    );
    const { body } = await ask(await listening(createServer(toNodeHandler(app) as Parameters<Make>[0])));
    expect(body.toString()).toBe("by Node");
    expect(onStreamError).toHaveBeenCalledWith(expect.objectContaining({ code: "headers-sent" }));
  });
});
