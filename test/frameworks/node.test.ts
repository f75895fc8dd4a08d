import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createSecureServer, createServer as createServer2 } from "node:http2";
import { createServer as createSecure } from "node:https";
import { setImmediate } from "node:timers/promises";
import { createSessions, type Store } from "holdfast";
import { nodeSessions } from "holdfast/node";
import { memoryStore } from "holdfast/stores/memory";
import { adapterCases, type Serve } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { listening, tls } from "../http/listen.ts";
import { ask, ask2 } from "../http/wire.ts";
import { speakHttp2 } from "./http2.ts";
import { compatible, type Make, serveNode } from "./node.ts";
import { failingStore } from "./stores.ts";

const servers: Record<string, Serve> = {
  "node:http": serveNode(createServer, "http"),
  "node:https": serveNode((listener) => createSecure(tls, listener), "https"),
  "node:http2 in the clear": serveNode((listener) => createServer2(compatible(listener)), "http", speakHttp2),
  "node:http2 over TLS": serveNode((listener) => createSecureServer(tls, compatible(listener)), "https", speakHttp2),
  "node:http2 over TLS, asked by HTTP/1.1": serveNode(
    (listener) => createSecureServer({ ...tls, allowHTTP1: true }, compatible(listener)),
    "https",
  ),
};

describe.each(Object.entries(servers))("%s", (_, serve) => {
  for (const { name, run } of adapterCases(serve)) test(name, run);
});

describe.each([
  ["HTTP/1.1", ask, createServer as Make],
  ["HTTP/2", ask2, ((listener) => createServer2(compatible(listener))) as Make],
])("without an onError, by %s", (_, ask, make) => {
  beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));
  afterEach(() => vi.restoreAllMocks());

  const answered = async (
    handler: (response: ServerResponse, data: Record<string, unknown>) => unknown,
    store: Store = memoryStore(),
  ) => {
    const sessions = createSessions<Record<string, unknown>>({ store });
    const listener = nodeSessions(sessions, ({ session }, response) => handler(response, session.data));
    const { status, body, headers, reason, complete } = await ask(await listening(make(listener)));
    return { status, text: body.toString(), headers: headers.join("\n"), reason, complete };
  };
  const logged = (): unknown => vi.mocked(console.error).mock.calls[0]?.[0];

  it("an error is logged, and answered with 500 and no word of it", async () => {
    const { status, text } = await answered(() => {
      throw new Error("secret");
    });
    expect({ status, text }).toEqual({ status: 500, text: "Internal Server Error\n" });
    expect(logged()).toMatchObject({ message: "secret" });
  });

  it("an error's own status is answered, where it is one of an error", async () => {
    for (const [own, expected] of [
      [404, 404],
      [503, 503],
      [200, 500],
      [99, 500],
      ["404", 500],
    ]) {
      const { status } = await answered(() => Promise.reject(Object.assign(new Error("x"), { status: own })));
      expect(status).toBe(expected);
    }
    expect((await answered(() => Promise.reject(undefined))).status).toBe(500);
  });

  it("a store's failure is a 503", async () => {
    const { status, text } = await answered((response, data) => {
      data.a = 1;
      response.end("well");
    }, failingStore("create"));
    expect({ status, text }).toEqual({ status: 503, text: "Service Unavailable\n" });
  });

  it("an error's answer has nothing of the head that the handler had begun", async () => {
    const { status, text, headers, reason, complete } = await answered((response) => {
      response.setHeader("Content-Length", 7);
      response.setHeader("Content-Encoding", "gzip");
      response.setHeader("Content-Type", "application/json");
      response.setHeader("ETag", '"1"');
      response.setHeader("Cache-Control", "public");
      if (!("stream" in response)) response.statusMessage = "Fine";
      throw new Error("x");
    });
    expect({ status, text, complete }).toEqual({ status: 500, text: "Internal Server Error\n", complete: true });
    expect(headers).not.toMatch(/gzip|json|etag|public/i);
    expect(reason).not.toBe("Fine");
  });

  it("an error after the head has left breaks the answer off", async () => {
    const { status, complete } = await answered(async (response) => {
      await new Promise((resolve) => response.write("first", resolve));
      throw new Error("x");
    });
    expect({ status, complete }).toEqual({ status: 200, complete: false });
    expect(logged()).toMatchObject({ message: "x" });
  });

  it("an error after the end is logged, and the answer stays whole", async () => {
    const { text, complete } = await answered((response) => {
      response.end("x");
      throw new Error("late");
    });
    expect({ text, complete }).toEqual({ text: "x", complete: true });
    expect(logged()).toMatchObject({ message: "late" });
  });

  it("a session changed after the head has left, and not saved, breaks the answer off", async () => {
    const { status, complete } = await answered(async (response, data) => {
      await new Promise((resolve) => response.write("first", resolve));
      data.a = 1;
      response.end("last");
    });
    expect({ status, complete }).toEqual({ status: 200, complete: false });
    expect(logged()).toMatchObject({ code: "headers-sent" });
  });

  it("a session changed while the head is held, and not saved, is a 500", async () => {
    const { status, text } = await answered(async (response, data) => {
      data.a = 1;
      response.write("first");
      data.b = 2;
      response.end("last");
    });
    expect({ status, text }).toEqual({ status: 500, text: "Internal Server Error\n" });
    expect(logged()).toMatchObject({ code: "headers-sent" });
  });
});

describe.each([
  ["HTTP/1.1", ask, createServer as Make],
  ["HTTP/2", ask2, ((listener) => createServer2(compatible(listener))) as Make],
])("an onError that fails itself, by %s", (_, ask, make) => {
  beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [
      "throws",
      (): void => {
        throw new Error("again");
      },
    ],
    [
      "rejects",
      async (): Promise<void> => {
        await setImmediate();
        throw new Error("again");
      },
    ],
  ])("and %s breaks the connection off, is logged, and takes nothing down", async (_, onError) => {
    const handlers: ((response: ServerResponse, data: Record<string, unknown>) => unknown)[] = [
      () => {
        throw new Error("first");
      },
      (response, data) => {
        data.a = 10n;
        response.end("x");
      },
      async (response, data) => {
        response.write("first");
        data.a = 1;
        response.end();
        await once(response, "close");
      },
    ];
    for (const handler of handlers) {
      const sessions = createSessions<Record<string, unknown>>({ store: memoryStore() });
      const listener = nodeSessions(sessions, ({ session }, response) => handler(response, session.data), { onError });
      const { complete } = await ask(await listening(make(listener)));
      expect(complete).toBe(false);
      expect(vi.mocked(console.error).mock.lastCall?.[0]).toMatchObject({ message: "again" });
    }
  });
});

it("a login that nobody awaits, and that fails, is an error and not a 200", async () => {
  const listener = nodeSessions(createSessions({ store: failingStore("create") }), ({ session }, response) => {
    session.login("ada").catch(() => {});
    response.end("welcome");
  });
  expect((await ask(await listening(createServer(listener)))).status).toBe(503);
});
