import { once } from "node:events";
import { Agent, createServer, get, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { hold } from "../../../src/http/hold.ts";
import { listening } from "../listen.ts";
import { COOKIE, type Commit, exchange, type Handler, type Protocol, serve, wire } from "./bare.ts";

const protocols: Protocol[] = ["HTTP/1.1", "HTTP/2"];

/** The ways in which a commit fails: at once, and later. */
const failing: [string, () => Commit][] = [
  ["at once", () => exchange(fail)],
  ["later", () => exchange(() => setImmediate().then(fail))],
];

function fail(): never {
  throw new Error("no store");
}

const ofTheBody = {
  "Content-Length": "1000000",
  "Content-Type": "application/pdf",
  "Content-Encoding": "gzip",
  "Content-Disposition": "attachment",
  "Content-Language": "ko",
  "Content-Location": "/a.pdf",
  "Content-Range": "bytes 0-9/10",
  "Content-Digest": "sha-256=:AA==:",
  "Accept-Ranges": "bytes",
  "Cache-Control": "public, max-age=31536000",
  Expires: "Thu, 01 Dec 2044 16:00:00 GMT",
  ETag: '"1"',
  "Last-Modified": "Thu, 01 Dec 1994 16:00:00 GMT",
  Location: "/there",
};

const committed = () => exchange(() => setImmediate({}));

const ends: [string, () => unknown][] = [
  ["it is not saved", () => fail()],
  ["saving it fails", () => setImmediate().then(fail)],
];

describe.each(protocols)("by %s", (protocol) => {
  const ask = wire[protocol];

  describe.each(failing)("when the commit fails %s", (_, commit) => {
    const answered = async (handler: Handler) => {
      const served = await serve(handler, commit, protocol);
      const answer = await ask(served.port);
      await served.closed;
      expect(served.errors[0]).toBe("no store");
      return { ...answer, ...served, text: answer.body.toString() };
    };

    it("the error handler answers, and once", async () => {
      const { status, text, errors, complete } = await answered((response) => response.end("all is well"));
      expect({ status, text, complete }).toEqual({ status: 500, text: "failed: no store", complete: true });
      expect(errors).toEqual(["no store"]);
    });

    it("nothing that the dropped answer said of its body is said of the error", async () => {
      const { headers, reason, text } = await answered((response) => {
        if (protocol === "HTTP/1.1") response.statusMessage = "All Is Well";
        for (const [name, value] of Object.entries(ofTheBody)) response.setHeader(name, value);
        response.writeHead(302, { "Content-Type": "text/html", Trailer: "X-Sum" });
        response.end("x".repeat(1000));
      });
      const names = headers.map((line) => line.split(":")[0]!.toLowerCase());
      expect(
        names.filter(
          (name) => !["date", "connection", "keep-alive", "content-length", "transfer-encoding"].includes(name),
        ),
      ).toEqual([]);
      expect(reason).toBe(protocol === "HTTP/1.1" ? "Internal Server Error" : "");
      expect(text).toBe("failed: no store");
    });

    it("what it said of other things stays: CORS, cookies, a policy", async () => {
      const { headers } = await answered((response) => {
        response.setHeader("access-control-allow-origin", "*");
        response.setHeader("content-security-policy", "default-src 'none'");
        response.appendHeader("set-cookie", "theme=dark");
        response.end("x");
      });
      expect(headers).toEqual(
        expect.arrayContaining([
          "access-control-allow-origin: *",
          "content-security-policy: default-src 'none'",
          "set-cookie: theme=dark",
        ]),
      );
    });

    it("the error has its length, like any other short answer", async () => {
      if (protocol === "HTTP/2") return;
      const { headers } = await answered((response) => response.end("x"));
      expect(headers).toContain("Content-Length: 16");
    });

    it("a handler that writes on is not heard, and brings nothing down", async () => {
      let answered = (): void => {};
      const failed = new Promise<void>((resolve) => {
        answered = resolve;
      });
      const handler = async (response: ServerResponse): Promise<void> => {
        response.write("a");
        await failed;
        // Bare Node emits an error here that no one listens to.
        response.write("b");
        response.end("c");
        response.end();
      };
      const sorry = "sorry ".repeat(2 ** 20);
      const served = await serve(handler, commit, protocol, (response) => {
        response.end(sorry);
        answered();
      });
      const { status, body, complete } = await ask(served.port);
      expect({ status, complete }).toEqual({ status: 500, complete: true });
      expect(body.equals(Buffer.from(sorry))).toBe(true);
      expect(served.errors).toEqual(["no store"]);
    });

    it("the callbacks of what was dropped get the error", async () => {
      const { notes } = await answered(async (response, note) => {
        const noted = (name: string) => (error?: Error | null) => note(`${name}: ${error?.message}`);
        response.write("a", noted("a"));
        response.write("b", "utf8", noted("b"));
        response.end("c", noted("c"));
        await once(response, "close");
        response.write("d", noted("d"));
        response.end(noted("e"));
        await setImmediate();
      });
      expect(notes).toEqual(["a", "b", "c", "d", "e"].map((name) => `${name}: no store`));
    });

    it("a pipeline ends, and closes its source", async () => {
      const source = Readable.from(endless());
      await answered((response) => {
        pipeline(source, response).catch(() => {});
      });
      if (!source.closed) await once(source, "close");
    });

    it("an error that the handler throws after it is one more for the error handler, and changes nothing", async () => {
      const { text, errors } = await answered(async (response) => {
        response.write("a");
        await once(response, "close");
        throw new Error("and more");
      });
      expect(text).toBe("failed: no store");
      await setImmediate();
      expect(errors).toEqual(["no store", "and more"]);
    });

    it("the error handler may take its time, and write in pieces", async () => {
      const handler = (response: ServerResponse): void => {
        response.setHeader("etag", '"1"');
        response.write("a");
      };
      const { port } = await serve(handler, commit, protocol, async (response) => {
        await setImmediate();
        response.statusCode = 503;
        response.write("so");
        await setImmediate();
        response.end("rry");
      });
      const { status, body, complete } = await ask(port);
      expect({ status, body: body.toString(), complete }).toEqual({ status: 503, body: "sorry", complete: true });
    });
  });

  it("an error tells of what was saved before it: the new id of a login", async () => {
    const commit = () => exchange(fail, { abandon: () => ({ setCookie: COOKIE, vary: "Cookie" }) });
    const { port } = await serve(
      (response) => response.writeHead(200, { "Cache-Control": "public" }).end("x"),
      commit,
      protocol,
    );
    const { headers, status } = await ask(port);
    expect(status).toBe(500);
    expect(headers.map((line) => line.toLowerCase())).toEqual(
      expect.arrayContaining([`set-cookie: ${COOKIE}`.toLowerCase(), "cache-control: no-store", "vary: cookie"]),
    );
  });

  it.each(ends)(
    "a session changed between the commit and the end breaks the answer, whose head has left: %s",
    async (_, end) => {
      const unsaved = () => exchange(() => ({}), { end });
      const handler: Handler = async (response) => {
        response.write("first");
        await setImmediate();
        response.end("last");
      };
      const served = await serve(handler, unsaved, protocol);
      const { status, complete, body } = await ask(served.port);
      expect(status).toBe(200);
      expect(body.toString()).not.toContain("last");
      expect(complete).toBe(false);
      expect(served.errors).toEqual(["no store"]);
    },
  );

  it.each(ends)("where the head is still held, such a change is a clean error: %s", async (_, end) => {
    const unsaved = () => exchange(() => setImmediate({}), { end });
    const served = await serve(
      (response) => {
        response.write("first");
        response.end("last");
      },
      unsaved,
      protocol,
    );
    const { status, complete, body } = await ask(served.port);
    expect({ status, complete, body: body.toString() }).toEqual({
      status: 500,
      complete: true,
      body: "failed: no store",
    });
  });

  it("a bad piece at an end that waits for a save breaks the answer, not the process", async () => {
    const late = () => exchange(() => ({}), { end: () => setImmediate() });
    const handler: Handler = async (response) => {
      response.write("first");
      await setImmediate();
      response.end({} as string);
    };
    const served = await serve(handler, late, protocol);
    expect(await ask(served.port)).toMatchObject({ status: 200, complete: false });
    expect(served.errors).toEqual(["ERR_INVALID_ARG_TYPE"]);
  });

  it("a client that leaves while the answer is held disturbs nobody", async () => {
    for (const outcome of [() => ({ vary: "Cookie", setCookie: COOKIE }), fail]) {
      let settle = (): void => {};
      const left = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const { promise: settled, commit } = after(left, outcome);
      const served = await serve(
        (response) => {
          response.writeHead(200, { "X-One": "1" });
          response.write("a");
          response.end("b");
          // The client's leaving: its connection is gone for both sides.
          response.socket!.destroy();
        },
        commit,
        protocol,
      );
      expect((await ask(served.port)).status).toBe(0);
      await served.closed;
      settle();
      await settled;
      await setImmediate();
      expect(served.errors).toEqual(outcome === fail ? ["no store"] : []);
    }
  });

  it.each([
    ["is held", committed],
    ["leaves at once", () => exchange(() => ({}))],
  ])("a piece that comes with a second end is dropped where the first %s, not the process", async (_when, commit) => {
    const served = await serve(
      (response, note) => {
        response.end("first");
        // As a timeout does that looks at `finished`.
        response.end("second", (error?: NodeJS.ErrnoException) => note(String(error?.code)));
      },
      commit,
      protocol,
    );
    const { status, body, complete } = await ask(served.port);
    expect({ status, body: body.toString(), complete }).toEqual({ status: 200, body: "first", complete: true });
    expect(served.notes).toEqual(["ERR_STREAM_WRITE_AFTER_END"]);
  });

  it("an app's own Promise in the place of the global one changes nothing", async () => {
    const native = globalThis.Promise;
    class Other<T> extends native<T> {}
    const commit = () => exchange(() => setImmediate().then(fail));
    const { port } = await serve(
      (response) => {
        globalThis.Promise = Other as PromiseConstructor;
        response.end("x");
        globalThis.Promise = native;
      },
      commit,
      protocol,
    );
    expect((await ask(port)).status).toBe(500);
  });

  it("a bad piece among the held ones breaks the answer when the first has left", async () => {
    const served = await serve(
      (response) => {
        response.write("a");
        response.write(7 as unknown as string);
        response.end();
      },
      committed,
      protocol,
    );
    const { complete } = await ask(served.port);
    expect(complete).toBe(false);
    expect(served.errors).toEqual(["ERR_INVALID_ARG_TYPE"]);
  });
});

describe("by HTTP/1.1", () => {
  it("a head that Node refuses only when it leaves is an error for the error handler, wherever the handler is by then", async () => {
    for (const commit of [committed, () => exchange(() => ({ vary: "Cookie" })), () => exchange(() => ({}))]) {
      const served = await serve((response) => {
        // Node has no trailers without chunks.
        response.writeHead(200, { Trailer: "X-Sum", "Content-Length": "1" });
        globalThis.setImmediate(() => response.end("x"));
      }, commit);
      const { status, complete } = await wire["HTTP/1.1"](served.port);
      expect({ status, complete, errors: served.errors }).toEqual({
        status: 500,
        complete: true,
        errors: ["ERR_HTTP_TRAILER_INVALID"],
      });
    }
  });

  it("the session's cookie is set once, also when the head fails after the commit", async () => {
    const commit = () => exchange(() => setImmediate({ setCookie: COOKIE, vary: "Cookie" }));
    const { port } = await serve((response) => {
      response.writeHead(200, { Trailer: "X-Sum", "Content-Length": "1" });
      response.end("x");
    }, commit);
    const { headers } = await wire["HTTP/1.1"](port);
    expect(headers.filter((line) => line.startsWith("Set-Cookie"))).toEqual([`Set-Cookie: ${COOKIE}`]);
    expect(headers).toContain("Cache-Control: no-store");
  });

  it("requests that came in one piece are answered in their order, whichever is saved first", async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const saves: (() => void)[] = [];
      const { port } = await serve(
        async (response, _note, { url }) => {
          response.end(url);
          if (saves.length < 2) return;
          for (const i of order) {
            saves[i]!();
            await setImmediate();
          }
        },
        () => exchange(() => new Promise((resolve) => saves.push(() => resolve({})))),
      );
      const socket = connect(port, "127.0.0.1");
      socket.end("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      const text = (await socket.setEncoding("utf8").toArray()).join("");
      expect(text.match(/(?<=\r\n\r\n)\/\d/g)).toEqual(["/1", "/2"]);
    }
  });

  it("a server that closes lets out what is held", async () => {
    const server = createServer((_request, response) => {
      const closing = setImmediate().then(() => server.close());
      hold(
        response,
        exchange(() => closing.then(() => ({}))),
        () => {},
      );
      response.end("saved");
    });
    const agent = new Agent({ keepAlive: true });
    const request = get({ port: await listening(server), agent });
    const [response] = await once(request, "response");
    expect((await response.setEncoding("utf8").toArray()).join("")).toBe("saved");
    agent.destroy();
  });

  it("a connection serves on after an error", async () => {
    let asked = 0;
    const { port } = await serve(
      (response) => response.writeHead(200, { "Content-Length": 5 }).end("later"),
      () => (asked++ === 0 ? exchange(fail) : committed()),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const text = async (): Promise<string> => {
      const request = get({ port, agent });
      const [response] = await once(request, "response");
      return (await response.setEncoding("utf8").toArray()).join("");
    };
    expect(await text()).toBe("failed: no store");
    expect(await text()).toBe("later");
    agent.destroy();
  });
});

describe("by HTTP/2", () => {
  it("a header that may come once and came twice is an error, whenever it is found", async () => {
    for (const commit of [committed, () => exchange(() => ({ vary: "Cookie" }))]) {
      const handler: Handler = (response) => {
        response.appendHeader("ETag", '"1"');
        response.appendHeader("ETag", '"2"');
        response.end("x");
      };
      const { port } = await serve(handler, commit, "HTTP/2", (response, error) => {
        response.removeHeader("ETag");
        response.statusCode = 500;
        response.end(error);
      });
      const { status, body } = await wire["HTTP/2"](port);
      expect({ status, body: body.toString() }).toEqual({ status: 500, body: "ERR_HTTP2_HEADER_SINGLE_VALUE" });
    }
  });
});

function after<T>(moment: Promise<void>, outcome: () => T): { promise: Promise<unknown>; commit: () => Commit } {
  const promise = moment.then(outcome);
  return { promise: promise.catch(() => {}), commit: () => exchange(() => promise as Promise<never>) };
}

async function* endless(): AsyncGenerator<string> {
  for (;;) yield "x".repeat(2 ** 14);
}
