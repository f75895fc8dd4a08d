import { createServer as createHttp2Server } from "node:http2";
import session, { MemoryStore } from "holdfast/express-session";
import { barrier } from "holdfast/testing";
import { describe, expect, it, vi } from "vitest";
import { listening } from "../http/listen.ts";
import { ask2 } from "../http/wire.ts";
import { counter, quiet, rows, serve, shown } from "./serve.ts";

/** Saves when told to; `saving` comes as a save begins. */
class SlowStore extends MemoryStore {
  readonly saving = Promise.withResolvers<void>();
  readonly goOn = Promise.withResolvers<void>();

  override set(...[sid, session, callback]: Parameters<MemoryStore["set"]>): void {
    this.saving.resolve();
    this.goOn.promise.then(() => super.set(sid, session, callback));
  }
}

class FailingStore extends MemoryStore {
  fails: "set" | "destroy" | "touch" | "get" | undefined;

  #fail(method: string, callback: ((error: Error) => void) | undefined): boolean {
    if (this.fails !== method) return false;
    setImmediate(callback!, new Error("disk full"));
    return true;
  }
  override get(...[sid, callback]: Parameters<MemoryStore["get"]>): void {
    if (!this.#fail("get", callback)) super.get(sid, callback);
  }
  override set(...[sid, session, callback]: Parameters<MemoryStore["set"]>): void {
    if (!this.#fail("set", callback)) super.set(sid, session, callback);
  }
  override destroy(...[sid, callback]: Parameters<MemoryStore["destroy"]>): void {
    if (!this.#fail("destroy", callback)) super.destroy(sid, callback);
  }
  override touch(...[sid, session, callback]: Parameters<MemoryStore["touch"]>): void {
    if (!this.#fail("touch", callback)) super.touch(sid, session, callback);
  }
}

describe("the save", () => {
  it("is done before a redirect leaves", async () => {
    const store = new SlowStore();
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        shown(req).user = "Ada";
        res.redirect("/home");
      });
    });
    let answered = false;
    const asking = shop.ask().then((answer) => {
      answered = true;
      return answer;
    });
    await store.saving.promise;
    await new Promise(setImmediate);
    expect(answered).toBe(false);
    store.goOn.resolve();
    expect((await asking).status).toBe(302);
    expect(rows(store)).toHaveLength(1);
  });

  it("of a stream is done before its head leaves, and again before its end where it changed", async () => {
    const store = new MemoryStore();
    const headRead = Promise.withResolvers<void>();
    const saves: unknown[] = [];
    const set = store.set;
    store.set = function (...args) {
      saves.push(JSON.parse(JSON.stringify(args[1])).step);
      set.apply(this, args);
    };
    const shop = await serve({ store }, (app) => {
      app.get("/", async (req, res) => {
        shown(req).step = "begun";
        res.write("one, ");
        await headRead.promise;
        shown(req).step = "done";
        res.end("two");
      });
      app.get("/look", (_req, res) => {
        res.json(rows(store));
        headRead.resolve();
      });
    });
    const streaming = shop.ask();
    await vi.waitUntil(() => saves.length === 1);
    const look = await shop.ask("/look");
    expect(JSON.parse(look.text)).toEqual([expect.objectContaining({ step: "begun" })]);
    expect((await streaming).text).toBe("one, two");
    expect(saves).toEqual(["begun", "done"]);
  });

  it("that fails at a stream's end breaks the answer off, and is told to the error handlers", async () => {
    const store = new FailingStore();
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        shown(req).step = "begun";
        res.write("one, ", () => {
          store.fails = "set";
          shown(req).step = "done";
          res.end("two");
        });
      });
    });
    expect(await shop.ask()).toMatchObject({ status: 200, complete: false });
    expect(shop.errors.map(String)).toEqual(["Error: disk full"]);
  });

  it("is not done for a new session that is first changed after the head: nobody could find it again", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const store = new MemoryStore();
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        res.write("one, ", () => {
          shown(req).late = true;
          res.end("two");
        });
      });
    });
    expect(await shop.ask()).toMatchObject({ text: "one, two", cookies: [] });
    expect(rows(store)).toEqual([]);
    expect(warn.mock.calls).toEqual([[expect.stringContaining("Change it before the first write.")]]);
    warn.mockRestore();
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);

  it.each([
    ["a BigInt", 1n, /BigInt/],
    ["a cycle", cycle, /circular/i],
  ])("of %s is an error, and the request is answered", async (_what, value, message) => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        shown(req).bad = value;
        res.send("saved");
      });
    });
    const answer = await shop.ask();
    expect(answer.status).toBe(500);
    expect(answer.text).toMatch(message);
  });

  it.each(["set", "get", "destroy"] as const)("that fails is an error, and no success: %s", async (method) => {
    const store = new FailingStore();
    const shop = await serve({ store, unset: "destroy" }, (app) => {
      counter(app);
      app.get("/out", (req, res) => {
        Object.assign(req, { session: null });
        res.send("logged out");
      });
    });
    await shop.ask();
    store.fails = method;
    expect(await shop.ask(method === "destroy" ? "/out" : "/")).toMatchObject({ status: 500, text: "disk full" });
    store.fails = undefined;
    expect((await shop.ask()).text).toBe("2");
  });

  it("that a store throws at is an error of the handler's, and tried again for its answer", async () => {
    const store = new MemoryStore();
    vi.spyOn(store, "set").mockImplementationOnce(() => {
      throw new Error("not connected");
    });
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        shown(req).views = 1;
        req.session.save(() => res.send("saved"));
      });
    });
    const { status, text } = await shop.ask();
    expect({ status, text }).toEqual({ status: 500, text: "not connected" });
    expect(rows(store)).toEqual([expect.objectContaining({ views: 1 })]);
  });

  it("leaves its cookie where others look for it: in a list of Set-Cookie, be it the only one", async () => {
    const seen: unknown[] = [];
    const shop = await serve({}, (app) => {
      app.get("/:own", (req, res) => {
        if (req.params.own === "own") res.setHeader("Set-Cookie", "own=1");
        res.on("finish", () => void seen.push(res.getHeader("Set-Cookie")));
        shown(req).a = Math.random();
        req.session.cookie.maxAge = 60_000;
        res.end();
      });
    });
    const alone = await shop.ask("/alone");
    const beside = await shop.ask("/own");
    expect(seen).toEqual([alone.cookies, beside.cookies]);
    expect(beside.cookies).toEqual(["own=1", expect.stringMatching(/^connect\.sid=/)]);
  });

  it("calls back with all that the store does", async () => {
    const store = new MemoryStore();
    vi.spyOn(store, "set").mockImplementation((_sid, _session, callback) => {
      (callback as (...answer: unknown[]) => void)(null, "OK");
    });
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        req.session.save((...answer: unknown[]) => void res.json(answer));
      });
    });
    expect(JSON.parse((await shop.ask()).text)).toEqual([null, "OK"]);
  });

  it("leaves the answer alone where only a touch fails, and the error handlers hear of it", async () => {
    const store = new FailingStore();
    const shop = await serve({ store }, counter);
    await shop.ask();
    store.fails = "touch";
    expect((await shop.ask("/id")).status).toBe(200);
    await vi.waitUntil(() => shop.errors.length > 0);
    expect(shop.errors.map(String)).toEqual(["Error: disk full"]);
  });

  it("of an error's page goes on as of any other", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store }, (app) => {
      app.get("/", (req) => {
        shown(req).seen = true;
        throw new Error("the app failed");
      });
    });
    expect(await shop.ask()).toMatchObject({ status: 500, text: "the app failed" });
    expect(rows(store)).toHaveLength(1);
  });
});

describe("a response's end", () => {
  it("calls back when it is sent, however it was called", async () => {
    const { arrive } = barrier(3);
    const shop = await serve({}, (app) => {
      app.get("/callback", (req, res) => {
        shown(req).a = 1;
        res.end(arrive);
      });
      app.get("/chunk", (req, res) => {
        shown(req).a = 1;
        res.end("chunk", arrive);
      });
      app.get("/encoded", (req, res) => {
        shown(req).a = 1;
        res.end("c3Vn", "base64", arrive);
      });
    });
    const texts = await Promise.all(
      ["/callback", "/chunk", "/encoded"].map(async (path) => (await shop.ask(path)).text),
    );
    expect(texts).toEqual(["", "chunk", "sug"]);
  });

  it("leaves in one piece, with its length", async () => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        shown(req).a = 1;
        res.end("whole");
      });
    });
    expect((await shop.ask()).headers).toContain("Content-Length: 5");
  });
});

it("works over HTTP/2", async () => {
  const withSession = session({ ...quiet, saveUninitialized: true });
  const server = createHttp2Server((req, res) =>
    withSession(req, res, (error) => {
      const session = shown(req as never);
      session.views = Number(session.views ?? 0) + 1;
      res.end(String(error ?? session.views));
    }),
  );
  const port = await listening(server);
  const first = await ask2(port);
  const [, cookie = ""] = /^set-cookie: ([^;]*)/im.exec(first.headers.join("\n")) ?? [];
  const second = await ask2(port, { headers: { cookie } });
  expect([first.body.toString(), second.body.toString()]).toEqual(["1", "2"]);
});
