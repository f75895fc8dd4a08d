import { createServer } from "node:http";
import { createServer as createSecure } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { createSessions, type Sessions } from "holdfast";
import { fetchSessions, openSession } from "holdfast/fetch";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, type Serve } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { listen, listening, tls } from "../http/listen.ts";
import { handlerOf } from "./fetch.ts";
import type { Make } from "./node.ts";
import { failingStore } from "./stores.ts";

type Data = Record<string, unknown>;

/** Node has no server that speaks Request and Response; this is the bridge that Hono and others take. */
const serveFetch =
  (make: Make, scheme: "http" | "https"): Serve =>
  async (sessions, app) => {
    const listener = getRequestListener(handlerOf(sessions, app), { overrideGlobalObjects: false });
    const { port, close } = await listen(make(listener));
    return { url: `${scheme}://127.0.0.1:${port}`, close };
  };

describe.each([
  ["http", serveFetch(createServer, "http")],
  ["https", serveFetch((listener) => createSecure(tls, listener), "https")],
])("fetchSessions by %s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe("fetchSessions", () => {
  let sessions: Sessions<Data>;
  const url = "http://shop.test/";
  const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]!.split(";")[0]!;
  const asking = (cookie: string): Request => new Request(url, { headers: { cookie } });

  beforeEach(() => {
    sessions = createSessions<Data>({ store: memoryStore() });
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(async () => {
    await sessions.close();
    vi.restoreAllMocks();
  });

  it("hands on what the server passes beside the request", async () => {
    const fetch = fetchSessions(sessions, (_request, session, env: { name: string }, n: number) => {
      session.data.n = n;
      return new Response(env.name);
    });
    const response = await fetch(new Request(url), { name: "worker" }, 7);
    expect(await response.text()).toBe("worker");
    const [record] = await Promise.all([sessions.open({ header: () => cookieOf(response), encrypted: false })]);
    expect(record.session.data).toEqual({ n: 7 });
  });

  it("never gives one client's id to the next that the same Response is for", async () => {
    const empty = new Response(null, { status: 204 });
    const fetch = fetchSessions(sessions, (_request, session) => {
      session.data.n ??= 1;
      return empty;
    });
    const first = await fetch(new Request(url));
    const second = await fetch(new Request(url));
    expect(second.headers.getSetCookie()).toHaveLength(1);
    expect(cookieOf(second)).not.toBe(cookieOf(first));
    expect((await fetch(asking(cookieOf(first)))).headers.getSetCookie()).toEqual([]);
    expect([...empty.headers.keys()]).not.toContain("set-cookie");
  });

  it("answers with headers that can't be changed: a redirect's", async () => {
    const fetch = fetchSessions(sessions, (_request, session) => {
      session.data.n = ((session.data.n as number) ?? 0) + 1;
      return Response.redirect("http://shop.test/next", 303);
    });
    const first = await fetch(new Request(url));
    expect([first.status, first.headers.get("location")]).toEqual([303, "http://shop.test/next"]);
    const second = await fetch(asking(cookieOf(first)));
    expect([second.status, second.headers.get("vary")]).toEqual([303, "Cookie"]);
  });

  it("leaves a response alone whose session was not asked for, body and all", async () => {
    const given = new Response("static");
    const fetch = fetchSessions(sessions, () => given);
    expect(await fetch(new Request(url))).toBe(given);
  });

  it("refuses a change after the response to an untouched session, which only update() may still make", async () => {
    const late = Promise.withResolvers<{ data: Data; update: unknown }>();
    const fetch = fetchSessions(sessions, (_request, session) => {
      late.resolve(session as never);
      return new Response("done");
    });
    await fetch(new Request(url));
    const session = (await late.promise) as { data: Data };
    expect(() => {
      session.data.n = 1;
    }).toThrow(expect.objectContaining({ code: "headers-sent" }));
  });

  it("answers 503 where the store fails, logs it, and says nothing of the session", async () => {
    const down = createSessions<Data>({ store: failingStore("create") });
    const fetch = fetchSessions(down, (_request, session) => {
      session.data.n = 1;
      return new Response("well", { headers: { "x-secret": "1" } });
    });
    const response = await fetch(new Request(url));
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable\n"]);
    expect([...response.headers.keys()]).toEqual(["content-type", "vary"]);
    expect(console.error).toHaveBeenCalledWith(expect.objectContaining({ code: "store-failed" }));
    await down.close();
  });

  it("answers 500 where onError fails itself", async () => {
    const fetch = fetchSessions(
      sessions,
      () => {
        throw new Error("first");
      },
      {
        onError() {
          throw new Error("second");
        },
      },
    );
    expect((await fetch(new Request(url))).status).toBe(500);
    expect(console.error).toHaveBeenCalledWith(expect.objectContaining({ message: "second" }));
  });

  it("says so where the handler answers nothing", async () => {
    const fetch = fetchSessions(sessions, (() => {}) as unknown as () => Response);
    expect((await fetch(new Request(url))).status).toBe(500);
    expect(console.error).toHaveBeenCalledWith(
      expect.objectContaining({ code: "argument-invalid", message: expect.stringMatching(/answered no Response/) }),
    );
  });

  it("sends bodies that are no streams as they were: with their length, whole", async () => {
    const bodies: [ConstructorParameters<typeof Response>[0], string][] = [
      ["tea", "tea"],
      ["", ""],
      [new TextEncoder().encode("tea"), "tea"],
      [new Blob(["tea"]), "tea"],
      [new URLSearchParams({ tea: "green" }), "tea=green"],
    ];
    for (const [body, text] of bodies) {
      const fetch = fetchSessions(sessions, (_request, session) => {
        session.data.n = 1;
        return new Response(body, { status: 203, headers: { "content-type": "text/tea" } });
      });
      const port = await listening(createServer(getRequestListener(fetch, { overrideGlobalObjects: false })));
      const response = await globalThis.fetch(`http://127.0.0.1:${port}/`);
      const { status, headers } = response;
      expect([status, headers.get("content-type"), await response.text()]).toEqual([203, "text/tea", text]);
      expect(headers.get("content-length")).toBe(String(text.length));
    }
  });

  it("sends a stream's chunks in their order, whether they are at hand or come later", async () => {
    const pieces = Array.from({ length: 40 }, (_, i) => `${i};`);
    const later = Promise.withResolvers<void>();
    const fetch = fetchSessions(sessions, (_request, session) => {
      session.data.n = 1;
      const body = new ReadableStream({
        async start(controller) {
          for (const piece of pieces) {
            if (piece === "20;") await later.promise;
            controller.enqueue(new TextEncoder().encode(piece));
          }
          controller.close();
        },
      });
      return new Response(body);
    });
    const response = await fetch(new Request(url));
    later.resolve();
    expect(await response.text()).toBe(pieces.join(""));
  });

  it("cancels the handler's stream with its client", async () => {
    const cancel = vi.fn();
    const fetch = fetchSessions(sessions, (_request, session) => {
      session.data.n = 1;
      return new Response(new ReadableStream({ cancel }));
    });
    await (await fetch(new Request(url))).body!.cancel("gone");
    expect(cancel).toHaveBeenCalledWith("gone");
  });
});

describe("openSession", () => {
  it("is told by its framework that the client's connection is https", async () => {
    const sessions = createSessions<Data>({ store: memoryStore() });
    const opened = await openSession(sessions, new Request("http://10.0.0.1/"), { secure: true });
    opened.session.data.n = 1;
    const response = await opened.commit(new Response("ok"));
    expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-sid=.*; Secure/);
    await sessions.close();
  });
});
