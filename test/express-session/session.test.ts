import type { Request } from "express";
import session, { MemoryStore, type Session } from "holdfast/express-session";
import { describe, expect, it } from "vitest";
import { counter, quiet, rows, serve, shown, signed } from "./serve.ts";

describe("req.session", () => {
  it("shows its data alone where it is listed, copied or written as JSON", async () => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        const session = shown(req);
        session.user = "Ada";
        const seen: string[] = [];
        for (const name in session) seen.push(name);
        res.json({ seen, keys: Object.keys(session), copy: { ...session }, destory: "destory" in { ...session } });
      });
    });
    const { seen, keys, copy, destory } = JSON.parse((await shop.ask()).text);
    expect([seen, keys, Object.keys(copy), destory]).toEqual([
      ["cookie", "user"],
      ["cookie", "user"],
      ["cookie", "user"],
      false,
    ]);
  });

  it("takes no entry from the store that would hide a method", async () => {
    const store = new MemoryStore();
    const cookie = { path: "/", originalMaxAge: null, expires: null };
    store.sessions.known = `{"cookie":${JSON.stringify(cookie)},"save":1,"__proto__":{"admin":true},"id":2,"destory":3}`;
    const shop = await serve({ store }, (app) => {
      app.get("/", (req, res) => {
        const { admin, destory, id, save } = shown(req);
        res.json({ admin, destory, id, save: typeof save });
      });
    });
    const { text } = await shop.ask("/", { headers: { cookie: signed("known", "tea") } });
    expect(JSON.parse(text)).toEqual({ destory: 3, id: "known", save: "function" });
  });

  it.each([
    ["destory", "destroy"],
    ["destoy", "destroy"],
    ["regenrate", "regenerate"],
    ["relaod", "reload"],
    ["svae", "save"],
    ["tocuh", "touch"],
    ["resetMaxgAe", "resetMaxAge"],
  ])("names the method that %s was meant to be", async (slip, meant) => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        (shown(req)[slip] as () => void)();
        res.send("done");
      });
    });
    const message = `req.session.${slip} is not a function: did you mean req.session.${meant}?`;
    expect(await shop.ask()).toMatchObject({ status: 500, text: message });
    expect(shop.errors[0]).toBeInstanceOf(TypeError);
  });

  it("lets an app keep an entry under such a name", async () => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        shown(req).svae ??= "mine";
        Object.assign(shown(req), { relaod: "kept" });
        res.json(shown(req).relaod);
      });
      app.get("/again", (req, res) => void res.json(shown(req).relaod));
    });
    await shop.ask();
    expect((await shop.ask("/again")).text).toBe('"kept"');
  });

  it("is passed by where another middleware has made one", async () => {
    const own = { mine: true };
    const shop = await serve(
      {},
      (app) => void app.get("/", (req, res) => void res.json(req.session)),
      (app) => {
        app.use((req, _res, next) => {
          Object.assign(req, { session: own });
          next();
        });
      },
    );
    expect(JSON.parse((await shop.ask()).text)).toEqual(own);
  });

  it("that a handler ended begins anew where the request comes through the middleware again", async () => {
    const store = new MemoryStore();
    const ended: string[] = [];
    const shop = await serve({ store }, (app) => {
      app.use((req, _res, next) => {
        shown(req).before = 1;
        ended.push(req.sessionID);
        // Not awaited: the answer waits for it all the same.
        void req.session.destroy();
        next();
      });
      app.use(session({ ...quiet, store }));
      app.get("/", (req, res) => {
        shown(req).after = 1;
        res.send(req.sessionID);
      });
    });
    const { text, cookies } = await shop.ask();
    expect(ended).not.toContain(text);
    expect(cookies).toEqual([expect.stringContaining(text)]);
    expect(Object.keys(store.sessions)).toEqual([text]);
    expect(JSON.parse(store.sessions[text]!)).toEqual({ cookie: expect.anything(), after: 1 });
  });
});

describe("its methods", () => {
  it.each(["save", "reload", "regenerate", "destroy"] as const)("answer a promise: %s", async (method) => {
    const shop = await serve({}, (app) => {
      counter(app);
      app.get("/do", async (req, res) => {
        const answered = shown(req)[method]();
        const isPromise = answered instanceof Promise;
        res.json([isPromise, (await answered) === undefined]);
      });
    });
    await shop.ask();
    expect((await shop.ask("/do")).text).toBe("[true,true]");
  });

  it.each(["save", "reload", "regenerate", "destroy"] as const)(
    "answer the session where they call back: %s",
    async (method) => {
      const shop = await serve({}, (app) => {
        counter(app);
        app.get("/do", (req, res) => {
          const session = shown(req);
          const answered = session[method]((error?: unknown) => res.json([answered === session, error ?? null]));
        });
      });
      await shop.ask();
      expect((await shop.ask("/do")).text).toBe("[true,null]");
    },
  );

  it("reject where the store fails, and the handler may live with it", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store }, (app) => {
      counter(app);
      app.get("/reload", async (req, res) => {
        store.sessions = {};
        const { message } = await shown(req)
          .reload()
          .then(
            () => new Error("reloaded"),
            (error: Error) => error,
          );
        res.send(message);
      });
    });
    await shop.ask();
    expect(await shop.ask("/reload")).toMatchObject({ status: 200, text: "failed to load session" });
  });

  it.each(["save", "regenerate", "destroy"] as const)(
    "fail the response where nobody awaits them: %s",
    async (method) => {
      const store = new MemoryStore();
      const shop = await serve({ store }, (app) => {
        counter(app);
        app.get("/do", (req, res) => {
          shown(req).more = 1;
          store.set = (_sid, _session, callback) => setImmediate(callback!, new Error("disk full"));
          store.destroy = (_sid, callback) => setImmediate(callback!, new Error("disk full"));
          void shown(req)[method]();
          res.send("all is well");
        });
      });
      await shop.ask();
      expect(await shop.ask("/do")).toMatchObject({ status: 500, text: "disk full" });
    },
  );
});

describe("regenerate", () => {
  /** Two answers: one before and one after a request to /login. */
  async function login(handler: (req: Request) => Promise<void> | void, store = new MemoryStore()) {
    const shop = await serve({ store }, (app) => {
      counter(app);
      app.get("/login", async (req, res) => {
        await handler(req);
        res.redirect("/");
      });
    });
    await shop.ask();
    const before = shop.cookie()!;
    const answer = await shop.ask("/login");
    return { shop, store, before, after: shop.cookie()!, answer };
  }

  const enter = async (req: Request): Promise<void> => {
    await shown(req).regenerate();
    shown(req).user = "Ada";
  };

  it("gives the client a new id with the redirect, and the new session is there when it follows", async () => {
    const { before, after, store, answer } = await login(enter);
    expect(answer.status).toBe(302);
    expect(after).not.toBe(before);
    expect(rows(store)).toEqual([expect.objectContaining({ user: "Ada" })]);
  });

  it("leaves the old id dead", async () => {
    const { shop, before } = await login(enter);
    expect((await shop.ask("/", { headers: { cookie: before } })).text).toBe("1");
  });

  it("begins empty, with the data of nobody", async () => {
    const { store } = await login(enter);
    expect(rows(store)[0]).not.toHaveProperty("views");
  });

  it("keeps what the handler carries over", async () => {
    const { store } = await login(async (req) => {
      const { views } = shown(req);
      await shown(req).regenerate();
      shown(req).views = views;
    });
    expect(rows(store)[0]).toHaveProperty("views", 1);
  });

  it("stores nothing where nothing is put into the new session, as its id is a change it is stored", async () => {
    const { store, before, after } = await login((req) => shown(req).regenerate());
    expect(after).not.toBe(before);
    expect(rows(store)).toHaveLength(1);
  });

  it("makes a new req.session, and leaves the old object to itself", async () => {
    let old: Session | undefined;
    let fresh: Session | undefined;
    await login(async (req) => {
      old = shown(req);
      await shown(req).regenerate();
      fresh = shown(req);
      Object.assign(old, { user: "Mallory" });
    });
    expect(fresh).not.toBe(old);
    expect(fresh).not.toHaveProperty("user");
    expect(fresh!.id).not.toBe(old!.id);
  });

  it("twice leaves one session, of the second id", async () => {
    const { store, after } = await login(async (req) => {
      await shown(req).regenerate();
      shown(req).user = "first";
      await shown(req).regenerate();
      shown(req).user = "second";
    });
    expect(rows(store)).toEqual([expect.objectContaining({ user: "second" })]);
    expect(decodeURIComponent(after)).toContain(Object.keys(store.sessions)[0]);
  });

  it("after a save of the new session leaves what came after the save too", async () => {
    const { store } = await login(async (req) => {
      await shown(req).regenerate();
      await shown(req).save();
      shown(req).user = "Ada";
    });
    expect(rows(store)).toEqual([expect.objectContaining({ user: "Ada" })]);
  });

  it("of a visitor without a session begins one", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store }, (app) => {
      app.get("/", async (req, res) => {
        await enter(req);
        res.end();
      });
    });
    expect((await shop.ask()).cookies).toHaveLength(1);
    expect(rows(store)).toEqual([expect.objectContaining({ user: "Ada" })]);
  });

  it("is an error where the new session can't be saved, and sends no cookie for it", async () => {
    const store = new MemoryStore();
    const { answer, before, after } = await login(async (req) => {
      store.set = (_sid, _session, callback) => setImmediate(callback!, new Error("disk full"));
      await enter(req);
    }, store);
    expect(answer).toMatchObject({ status: 500, text: "disk full", cookies: [] });
    expect(after).toBe(before);
  });

  it("is an error where genid throws, to the callback", async () => {
    let ids = 0;
    const shop = await serve(
      {
        genid() {
          if (++ids > 1) throw new Error("no entropy");
          return "first";
        },
      },
      (app) => {
        app.get("/", (req, res) => void shown(req).regenerate((error) => res.send(String(error))));
      },
    );
    expect((await shop.ask()).text).toBe("Error: no entropy");
  });

  it("gives the new session the cookie of its own middleware, where two share a store", async () => {
    const store = new MemoryStore();
    const shop = await serve({ store, name: "shop", cookie: { path: "/shop", maxAge: 1000 } }, (app) => {
      app.get("/shop", async (req, res) => {
        await enter(req);
        res.end();
      });
    });
    session({ store, secret: "tea", resave: false, saveUninitialized: false, cookie: { path: "/admin" } });
    expect((await shop.ask("/shop")).cookies[0]).toMatch(/; Path=\/shop; Expires=/);
  });
});
