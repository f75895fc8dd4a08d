import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../wire.ts";
import {
  commits,
  exchange,
  expectEdited,
  expectSame,
  type Handler,
  type Protocol,
  type Situation,
  serve,
  wire,
} from "./bare.ts";

const situations = Object.keys(commits) as Situation[];
const untyped = (response: ServerResponse) => response as unknown as Record<string, (...args: unknown[]) => unknown>;
const code = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? String(error);

const bodies: Record<string, Handler> = {
  "one text": (response) => response.end("텍스트 ☕"),
  "one Buffer": (response) => response.end(Buffer.from([0, 255, 128])),
  "one Uint8Array": (response) => response.end(new Uint8Array([1, 2, 3])),
  "text in another encoding": (response) => response.end("00ff80", "hex"),
  "a piece in another encoding": (response) => {
    response.write("00ff80", "hex");
    response.end("/w==", "base64");
  },
  "many pieces": (response) => {
    for (let i = 0; i < 100; i++) response.write(`${i},`);
    response.end("end");
  },
  "pieces over several turns": async (response) => {
    for (let i = 0; i < 5; i++) {
      response.write(`${i},`);
      await setImmediate();
    }
    response.end();
  },
  "an empty piece first": (response) => {
    response.write("");
    response.end("x");
  },
  "an empty text": (response) => response.end(""),
  "end with undefined": (response) => untyped(response).end!(undefined),
  "end with null": (response) => untyped(response).end!(null),
  "a length and pieces": (response) => {
    response.setHeader("Content-Length", 4);
    response.write("ab");
    response.end("cd");
  },
  "a head, then pieces": (response) => {
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.write("a");
    response.end("b");
  },
  trailers: (response) => {
    response.writeHead(200, { Trailer: "X-Sum" });
    response.write("a");
    response.addTrailers({ "X-Sum": "1" });
    response.end();
  },
  "callbacks of write": (response, note) => {
    response.write("a", () => note("a"));
    response.write("b", "utf8", () => note("b"));
    response.write(Buffer.from("c"), () => note("c"));
    response.end();
  },
  "callbacks of write by await": async (response, note) => {
    for (const piece of ["a", "b", "c"]) {
      await new Promise((resolve) => response.write(piece, resolve));
      note(piece);
    }
    response.end();
  },
  "end with a callback alone": (response, note) => response.end(() => note("ended")),
  "end with a piece and a callback": (response, note) => response.end("x", () => note("ended")),
  "end with a piece, its encoding and a callback": (response, note) =>
    response.end("eA==", "base64", () => note("ended")),
  "end with a callback, awaited": async (response, note) => {
    await new Promise<void>((resolve) => response.end("x", () => resolve()));
    note("ended");
  },
  "end twice": (response, note) => {
    response.end("x", () => note("first"));
    response.end();
  },
  "what is chained to write and end": (response, note) => {
    note(String(response.end("x") === response));
  },
  "the events": async (response, note) => {
    for (const event of ["finish", "close"]) response.on(event, () => note(event));
    response.write("a");
    response.end("b");
  },
  "no word of an end before it": (response, note) => {
    note(`${response.headersSent} ${response.writableEnded} ${response.statusCode}`);
    response.write("a");
    note(`${response.headersSent} ${response.writableEnded}`);
    response.end();
    note(`${response.headersSent} ${response.writableEnded}`);
  },
  "corked pieces": (response) => {
    response.cork();
    response.write("a");
    response.write("b");
    response.uncork();
    response.end("c");
  },
};

/** Asked for by HEAD, bare HTTP/2 never ends these. */
const piped: Record<string, Handler> = {
  "a piped stream": (response) => void Readable.from(["a", "b", "c"], { objectMode: false }).pipe(response),
  "a pipeline": async (response, note) => {
    await pipeline(Readable.from(["a", "b", "c"]), response);
    note("done");
  },
  "a pipeline that fails at once": async (response, note) => {
    const source = new Readable({
      read() {
        this.destroy(new Error("no source"));
      },
    });
    await pipeline(source, response).catch((error: Error) => note(error.message));
  },
};

const bodies1: Record<string, Handler> = {
  "a header after the first piece": (response, note) => {
    response.write("a");
    for (const [method, ...args] of [
      ["setHeader", "X", "1"],
      ["appendHeader", "X", "1"],
      ["removeHeader", "X"],
    ]) {
      try {
        untyped(response)[method!]!(...args);
      } catch (error) {
        note(`${code(error)} ${(error as Error).message}`);
      }
    }
    response.end();
  },
  "a header after the end": (response, note) => {
    response.end("a");
    try {
      response.setHeader("X", "1");
    } catch (error) {
      note(code(error));
    }
  },
  "a head after the end": (response, note) => {
    response.end("a");
    try {
      response.writeHead(201);
    } catch (error) {
      note(code(error));
    }
  },
  "a status after the first piece": (response) => {
    response.write("a");
    response.statusCode = 404;
    response.statusMessage = "Too Late";
    response.end();
  },
  "a write after the end": async (response, note) => {
    response.on("error", (error) => note(`error ${code(error)}`));
    response.end("x");
    response.write("y", (error) => note(`write ${code(error)}`));
    await once(response, "close");
  },
  "a callback of a second end": (response, note) => {
    response.end("x", () => note("first"));
    response.end((error?: Error) => note(`second ${code(error)}`));
  },
  "an error after the first piece": (response) => {
    response.write("a");
    throw new Error("too late");
  },
  "too long for its length": (response) => {
    response.strictContentLength = true;
    response.setHeader("Content-Length", 1);
    response.end("too long");
  },
  "early hints and a continue": (response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    response.writeContinue();
    response.end("x");
  },
};

const never: Record<string, Handler> = {
  "an error before the first piece": (response) => {
    response.setHeader("X-One", "1");
    throw new Error("broken");
  },
  "null for a piece": (response) => untyped(response).write!(null),
  "a number for a piece": (response) => untyped(response).end!(7),
  "an object for a piece": (response) => untyped(response).end!({}),
};

const table: [Protocol, Record<string, Handler>, Record<string, Handler>][] = [
  ["HTTP/1.1", { ...bodies, ...bodies1 }, piped],
  ["HTTP/2", bodies, piped],
];

describe.each(table)("by %s a held body is what Node would have sent", (protocol, handlers, more) => {
  describe.each(situations)("with %s", (situation) => {
    it.each(Object.entries({ ...handlers, ...more }))("%s", async (_, handler) => {
      await expectSame(handler, situation, { protocol });
    });

    it.each(Object.entries(handlers))("%s, asked for by HEAD", async (_, handler) => {
      await expectSame(handler, situation, { protocol, method: "HEAD" });
    });
  });
});

describe.each(situations)("what Node would not send is a clean error with %s", (situation) => {
  it.each(Object.entries(never))("%s", async (_, handler) => {
    await expectSame(handler, situation);
  });
});

describe("flushHeaders", () => {
  it.each(situations)("lets the head leave long before the body, with %s", async (situation) => {
    let finish = (): void => {};
    const { port } = await serve((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
      finish = () => response.end("data: 1\n\n");
    }, commits[situation]);
    const [response] = await once(get({ port, agent: false }), "response");
    expect(response.headers["content-type"]).toBe("text/event-stream");
    finish();
    expect((await response.setEncoding("utf8").toArray()).join("")).toBe("data: 1\n\n");
  });
});

/** Of sessions whose store takes its time to save what came after the head; asked for by GET, as a HEAD's client leaves with the head. */
describe.each([
  ["an open head", () => exchange(() => ({}), { end: () => setImmediate() })],
  ["a held head", () => exchange(() => setImmediate({}), { end: () => setImmediate() })],
])("an end that waits for a second save, after %s", (_, saves) => {
  it.each(["HTTP/1.1", "HTTP/2"] as const)("is what Node would have sent by %s", async (protocol) => {
    for (const handler of Object.values(bodies)) {
      const bare = await serve(handler, undefined, protocol);
      const held = await serve(handler, saves, protocol);
      const expected = await wire[protocol](bare.port);
      expectEdited(await wire[protocol](held.port), expected, {});
    }
  });

  it("looks like an end at once, lets nothing come after it, and calls back when it is sent", async () => {
    const saved = Promise.withResolvers<void>();
    const { port, notes, closed } = await serve(
      async (response, note) => {
        response.write("first, ");
        await setImmediate();
        note(`open ${response.writableEnded}`);
        response.end("last", () => note("ended"));
        note(`ended ${response.writableEnded}`);
        response.write("too late", (error) => note(code(error)));
        response.end("too late", (error?: unknown) => note(code(error)));
        await setImmediate();
        saved.resolve();
      },
      () => ({ ...saves(), end: () => saved.promise }),
    );
    expect((await ask(port)).body.toString()).toBe("first, last");
    await closed;
    const late = "ERR_STREAM_WRITE_AFTER_END";
    expect(notes).toEqual(["open false", "ended true", late, late, "ended"]);
  });
});

describe("a large file", () => {
  const size = 8 * 2 ** 20;
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-"));
    file = join(folder, "large");
    writeFileSync(file, randomBytes(size));
  });
  afterAll(() => rm(folder, { recursive: true }));

  describe.each(situations)("with %s", (situation) => {
    it.each(["HTTP/1.1", "HTTP/2"] as const)("is piped whole by %s", async (protocol) => {
      const { body } = await expectSame((response) => void createReadStream(file).pipe(response), situation, {
        protocol,
      });
      expect(body.length).toBe(size);
    });

    it.each(["HTTP/1.1", "HTTP/2"] as const)("waits for the client, piece by piece, by %s", async (protocol) => {
      let most = 0;
      await expectSame(
        async (response) => {
          for await (const piece of createReadStream(file)) {
            if (!response.write(piece)) {
              most = Math.max(most, response.writableLength);
              await once(response, "drain");
            }
          }
          response.end();
        },
        situation,
        { protocol },
      );
      expect(most).toBeLessThan(2 ** 20);
    });
  });
});
