import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import compression from "compression";
import connect from "connect";
import express, { type RequestHandler, type Response } from "express";
import { afterAll, describe, expect, it } from "vitest";
import { hold } from "../../../src/http/hold.ts";
import { listening } from "../listen.ts";
import { ask, type Question } from "../wire.ts";
import { COOKIE, type Commit, commits, exchange, expectEdited, type Situation } from "./bare.ts";

// Its types are those of Express 5, as far as these tests go.
const express4 = createRequire(import.meta.url)("express4") as typeof express;

const situations = Object.keys(commits) as Situation[];
const large = "text ".repeat(20_000);

const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
const file = join(folder, "file.txt");
writeFileSync(file, randomBytes(200_000).toString("hex"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What apps do with Express's response. */
const answers: Record<string, [RequestHandler, Question?]> = {
  "res.json": [(_req, res) => void res.json({ a: 1 })],
  "res.json twice": [
    (_req, res) => {
      res.json({ a: 1 });
      res.json({ b: 2 });
    },
  ],
  "res.send of a text": [(_req, res) => void res.send("텍스트")],
  "res.send of a Buffer": [(_req, res) => void res.send(Buffer.from([0, 255]))],
  "res.send of an object with a status": [(_req, res) => void res.status(201).send({ a: 1 })],
  "res.send of what is fresh": [
    (_req, res) => void res.set("ETag", '"1"').send("x"),
    { headers: { "If-None-Match": '"1"' } },
  ],
  "res.sendStatus": [(_req, res) => void res.sendStatus(204)],
  "res.redirect": [(_req, res) => res.redirect("/there")],
  "res.redirect with a status": [(_req, res) => res.redirect(307, "/there")],
  "res.cookie beside ours": [(_req, res) => void res.cookie("theme", "dark").cookie("lang", "ko").json({})],
  "res.vary": [(_req, res) => void res.vary("Accept").vary("Origin").json({})],
  "res.format": [
    (_req, res) => void res.format({ html: () => res.send("<p>"), json: () => res.json({}) }),
    { headers: { Accept: "application/json" } },
  ],
  "res.sendFile": [(_req, res) => res.sendFile(file)],
  "res.sendFile of a range": [(_req, res) => res.sendFile(file), { headers: { Range: "bytes=10-100009" } }],
  "res.sendFile of a range that is not there": [
    (_req, res) => res.sendFile(file),
    { headers: { Range: "bytes=9999999-" } },
  ],
  "res.sendFile of what is fresh": [
    (_req, res) => res.sendFile(file),
    { headers: { "If-Modified-Since": new Date(Date.now() + 60_000).toUTCString() } },
  ],
  "res.sendFile of no file": [(_req, res) => res.sendFile(join(folder, "none"))],
  "res.download": [(_req, res) => res.download(file, "이름.txt")],
  "static files": [express.static(folder), { path: "/file.txt" }],
  "an error": [(_req, _res, next) => next({ message: "no", status: 418 })],
  "an error with headers": [(_req, _res, next) => next({ status: 429, headers: { "Retry-After": "1" } })],
  "no route": [(_req, _res, next) => next()],
  "a writeHead of its own": [
    (_req, res) => void res.writeHead(200, ["Set-Cookie", "a=1", "Set-Cookie", "b=2"]).end("x"),
  ],
};

const apps = { "Express 5": express, "Express 4": express4 };

describe.each(Object.entries(apps))("%s answers with a hold as without", (_, make) => {
  const listener = (handler: RequestHandler, before: RequestHandler[]): RequestListener => {
    const app = make().set("env", "test").set("etag", "weak");
    for (const middleware of before) app.use(middleware);
    return app.use(handler);
  };

  describe.each(situations)("with %s", (situation) => {
    const held: RequestHandler = (_req, res, next) => {
      hold(res, commits[situation](), next);
      next();
    };
    const expectSame = async (
      handler: RequestHandler,
      question: Question,
      before: RequestHandler[],
      middleware = held,
    ) => {
      const without = await ask(await listening(createServer(listener(handler, before))), question);
      const at = before.length === 2 ? [before[0]!, middleware, before[1]!] : [middleware, ...before];
      const answer = await ask(await listening(createServer(listener(handler, at))), question);
      expectEdited(answer, without, await commits[situation]().commit());
      return answer;
    };

    it.each(Object.entries(answers))("%s", async (_, [handler, question = {}]) => {
      await expectSame(handler, question, []);
      await expectSame(handler, { ...question, method: "HEAD" }, []);
    });

    const pass: RequestHandler = (_req, _res, next) => next();
    const gzip = { headers: { "Accept-Encoding": "gzip" } };
    const places: [string, RequestHandler[]][] = [
      ["before", [compression(), pass]],
      ["after", [pass, compression()]],
      ["before and after", [compression(), compression()]],
    ];

    describe.each(places)("and compression %s the session", (_, before) => {
      it("compresses what is large", async () => {
        const { body } = await expectSame((_req, res) => void res.type("text").send(large), gzip, before);
        expect(gunzipSync(body).toString()).toBe(large);
      });

      it("leaves what is small", async () => {
        await expectSame((_req, res) => void res.type("text").send("small"), gzip, before);
      });

      it("compresses a stream, and lets its writer wait", async () => {
        const stream: RequestHandler = async (_req, res) => {
          res.type("text");
          for (let i = 0; i < 20; i++) {
            if (!res.write(large)) await once(res, "drain");
          }
          res.end();
        };
        const { body } = await expectSame(stream, gzip, before);
        expect(gunzipSync(body).length).toBe(20 * large.length);
      });

      it("compresses a head that was written", async () => {
        await expectSame(
          (_req, res) => void res.writeHead(200, { "Content-Type": "text/plain" }).end(large),
          gzip,
          before,
        );
      });
    });

    it("and a compression that asks for the implicit head at each write", async () => {
      const old: RequestHandler = (_req, res, next) => {
        const { write, end } = res;
        const implicit = res as unknown as { _header: unknown; _implicitHeader(): void };
        const wrap = (method: typeof write) =>
          function (this: Response, ...args: Parameters<typeof write>) {
            if (!implicit._header) implicit._implicitHeader();
            return method.apply(this, args);
          };
        res.write = wrap(write) as typeof write;
        res.end = wrap(end as unknown as typeof write) as unknown as typeof end;
        next();
      };
      const stream: RequestHandler = (_req, res) => {
        res.status(201);
        res.write("a");
        res.write("b");
        res.end("c");
      };
      await expectSame(stream, {}, [old]);
    });
  });
});

describe("a failed commit in Express", () => {
  const failed = (): Commit => exchange(() => setImmediate().then(() => Promise.reject(new Error("no store"))));
  const held: RequestHandler = (_req, res, next) => {
    hold(res, failed(), next);
    next();
  };

  it.each([
    ["before", [compression(), held]],
    ["after", [held, compression()]],
  ])("is a clean error where compression comes %s the session", async (_, before) => {
    for (const handler of [
      ((_req, res) => void res.type("text").send(large)) as RequestHandler,
      ((_req, res) => {
        res.type("text").write(large);
        res.write(large);
        res.end(large);
      }) as RequestHandler,
    ]) {
      const app = express().set("env", "test");
      app.use(...before, handler);
      app.use(((error, _req, res, _next) => void res.status(503).send(error.message)) as express.ErrorRequestHandler);
      const { status, body, headers, complete } = await ask(await listening(createServer(app)), {
        headers: { "Accept-Encoding": "gzip" },
      });
      expect({ status, body: body.toString(), complete }).toEqual({ status: 503, body: "no store", complete: true });
      expect(headers.join()).not.toMatch(/gzip/);
      await setImmediate();
    }
  });

  it("goes to Express's own error page where the app has none", async () => {
    const app = express().set("env", "test");
    app.use(held, (_req, res) => void res.set("ETag", '"1"').json({ a: 1 }));
    const { status, reason, headers } = await ask(await listening(createServer(app)));
    expect({ status, reason }).toEqual({ status: 500, reason: "Internal Server Error" });
    expect(headers.join()).not.toMatch(/etag|json/i);
  });

  it("goes to Connect's too", async () => {
    const app = connect();
    app.use((_req, res, next) => {
      hold(res, failed(), next);
      next();
    });
    app.use((_req, res) => res.end("well"));
    process.env.NODE_ENV = "test";
    const { status, body } = await ask(await listening(createServer(app)));
    expect(status).toBe(500);
    expect(body.toString()).not.toContain("well");
  });
});

describe("Connect answers with a hold as without", () => {
  it.each(situations)("with %s", async (situation) => {
    const app = (held: boolean) => {
      const server = connect();
      if (held)
        server.use((_req, res, next) => {
          hold(res, commits[situation](), next);
          next();
        });
      return createServer(server.use((_req, res) => res.writeHead(200, { "Set-Cookie": "a=1" }).end("x")));
    };
    const bare = await ask(await listening(app(false)));
    const held = await ask(await listening(app(true)));
    expectEdited(held, bare, await commits[situation]().commit());
    if (situation === "a save under way") expect(held.headers).toContain(`Set-Cookie: ${COOKIE}`);
  });
});
