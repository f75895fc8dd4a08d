import session, { Cookie, MemoryStore, type SessionOptions } from "holdfast/express-session";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { counter, quiet, rows, serve, shown } from "./serve.ts";

const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
beforeEach(() => void warn.mockClear());
afterEach(() => void vi.unstubAllEnvs());

describe("an option", () => {
  it.each([
    [{ genid: "random" }, "genid option must be a function"],
    [{ unset: "forget" }, 'unset option must be "destroy" or "keep"'],
    [{ secret: [] }, "secret option array must contain one or more strings"],
  ])("that is wrong throws a TypeError: %o", (options, message) => {
    expect(() => session({ ...quiet, ...options } as unknown as SessionOptions)).toThrow(new TypeError(message));
  });

  it.each([
    ["saveUnitnialized", "saveUninitialized"],
    ["resaves", "resave"],
    ["Secret", "secret"],
    ["cokie", "cookie"],
    ["httpOnly", "cookie.httpOnly"],
  ])("%s is warned of, with the one that was meant", (slip, meant) => {
    session({ ...quiet, [slip]: true } as SessionOptions);
    expect(warn.mock.calls).toEqual([[`holdfast/express-session: there is no option ${slip}: did you mean ${meant}?`]]);
  });

  it("of the cookie that is misspelt is warned of too", () => {
    session({ ...quiet, cookie: { samesite: "lax" } as object });
    const message = "holdfast/express-session: there is no option cookie.samesite: did you mean cookie.sameSite?";
    expect(warn.mock.calls).toEqual([[message]]);
  });

  it("cookie.secure over http is warned of, with what to do", async () => {
    const shop = await serve({ cookie: { secure: true } }, counter);
    expect([(await shop.ask()).cookies, (await shop.ask()).cookies]).toEqual([[], []]);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('call app.set("trust proxy", 1) or pass proxy: true')]]);
  });

  it("that belongs to another library passes without a word", () => {
    session({ ...quiet, logErrors: true, trustProxyFn: 1 } as SessionOptions);
    expect(warn).not.toHaveBeenCalled();
  });

  describe("left out that express-session means to change", () => {
    const notices = [
      "express-session: undefined resave option; provide resave option",
      "express-session: undefined saveUninitialized option; provide saveUninitialized option",
    ];

    function hear(work: () => void): string[] {
      const told: string[] = [];
      const listen = ({ namespace, message }: { namespace: string; message: string }): void =>
        void told.push(`${namespace}: ${message}`);
      process.on("deprecation" as "exit", listen as never);
      work();
      process.off("deprecation" as "exit", listen as never);
      return told;
    }

    it("is told to the deprecation event's listeners, once for each place that does it", () => {
      const here = () => session({ secret: "tea" });
      const there = () => session({ secret: "tea" });
      expect(hear(() => [here(), here()])).toEqual(notices);
      expect(hear(() => [here(), there()])).toEqual(notices);
    });

    it("is told to listeners even where NO_DEPRECATION keeps it from stderr, which hears the place otherwise", () => {
      const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
      const make = () => session({ secret: "tea", resave: false });
      vi.stubEnv("NO_DEPRECATION", "Express-Session");
      make();
      expect(written).not.toHaveBeenCalled();
      expect(hear(make)).toEqual([notices[1]]);
      vi.stubEnv("NO_DEPRECATION", "");
      session({ secret: "tea", resave: false });
      expect(written.mock.calls).toEqual([
        [
          expect.stringMatching(
            / express-session deprecated undefined saveUninit.* at \S*options\.test\.ts:\d+:\d+\n$/,
          ),
        ],
      ]);
      written.mockRestore();
    });
  });

  it("store left out in production is warned of", () => {
    vi.stubEnv("NODE_ENV", "production");
    session(quiet);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^Warning: connect\.session\(\) MemoryStore is not\n/)]]);
  });

  it.each([
    ["/admin", "/admin", true],
    ["/admin", "/admin/users", true],
    ["/admin", "/admin?users", true],
    ["/admin", "/administrator", false],
    ["/admin/", "/admin/users", true],
    ["/admin/", "/admin", false],
    ["/", "/administrator", true],
  ])("cookie.path %s, and a request to %s", async (path, target, isBelow) => {
    const shop = await serve({ cookie: { path } }, (app) => {
      app.use((req, res) => void res.json(req.session !== undefined));
    });
    expect((await shop.ask(target)).text).toBe(String(isBelow));
  });

  it.each([
    [{ proxy: true }, "https", "Secure; SameSite=None"],
    [{ proxy: true }, "http, https", "SameSite=Lax"],
    [{ proxy: false }, "https", "SameSite=Lax"],
    [{}, "https", "SameSite=Lax"],
  ])(
    'cookie.secure and sameSite "auto" hold for an object and for a function: %o behind %s',
    async (options, proto, end) => {
      const auto = { secure: "auto", sameSite: "auto" } as const;
      for (const cookie of [auto, () => auto]) {
        const shop = await serve({ ...options, cookie }, counter);
        const { cookies } = await shop.ask("/", { headers: { "x-forwarded-proto": proto } });
        expect(cookies[0]).toMatch(new RegExp(`; HttpOnly; ${end}$`));
      }
    },
  );

  it("genid that throws is an error of the request", async () => {
    const genid = (): string => {
      throw new Error("no entropy");
    };
    const shop = await serve({ genid }, counter);
    expect(await shop.ask()).toMatchObject({ status: 500, text: "no entropy" });
  });

  it("genid may make ids of any characters", async () => {
    const shop = await serve({ genid: () => "a/b; c=é" }, counter);
    expect([(await shop.ask()).text, (await shop.ask()).text]).toEqual(["1", "2"]);
  });

  it("cookie as a function is asked with the request", async () => {
    const shop = await serve({ cookie: (req) => ({ maxAge: req.url === "/" ? 1000 : 2000 }) }, (app) => {
      app.use((req, res) => void res.json(req.session.cookie.originalMaxAge));
    });
    expect([(await shop.ask("/")).text, (await shop.ask("/long")).text]).toEqual(["1000", "2000"]);
  });

  it('unset "destroy" ends the session that the handler drops, "keep" leaves it', async () => {
    for (const unset of ["destroy", "keep"] as const) {
      const store = new MemoryStore();
      const shop = await serve({ store, unset }, (app) => {
        counter(app);
        app.get("/out", (req, res) => {
          Object.assign(req, { session: null });
          res.end();
        });
      });
      await shop.ask();
      await shop.ask("/out");
      expect(rows(store)).toHaveLength(unset === "keep" ? 1 : 0);
    }
  });
});

describe("req.session.cookie", () => {
  it("is stored with the session, in the order that express-session stores it", async () => {
    const store = new MemoryStore();
    const cookie = { maxAge: 60_000, secure: false, sameSite: "lax", priority: "low", domain: "example.com" } as const;
    const shop = await serve({ store, cookie }, counter);
    await shop.ask();
    const [stored] = rows(store);
    expect(Object.keys(stored!)).toEqual(["cookie", "views"]);
    expect(Object.keys(stored!.cookie)).toEqual([
      "originalMaxAge",
      "priority",
      "expires",
      "secure",
      "httpOnly",
      "domain",
      "path",
      "sameSite",
    ]);
  });

  it("moves expires by maxAge, and maxAge by expires", () => {
    const cookie = new Cookie({ maxAge: 1000 });
    expect(cookie.expires!.getTime()).toBeGreaterThan(Date.now());
    expect(cookie.originalMaxAge).toBe(1000);
    cookie.expires = new Date(Date.now() + 5000);
    expect(cookie.maxAge).toBeGreaterThan(4000);
    cookie.maxAge = null;
    expect([cookie.expires, cookie.originalMaxAge]).toEqual([null, null]);
    expect(() => Object.assign(cookie, { maxAge: "soon" })).toThrow("maxAge must be a number or Date");
  });

  it("is written as text with its attributes in express-session's order", () => {
    const expires = new Date(0);
    const all = {
      domain: "example.com",
      path: "/x",
      expires,
      httpOnly: true,
      secure: true,
      partitioned: true,
      priority: "high",
      sameSite: true,
    } as const;
    expect(new Cookie(all).serialize("n", "a b;")).toBe(
      "n=a%20b%3B; Domain=example.com; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Strict",
    );
  });

  it.each([
    [{ domain: "a;b" }, "option domain is invalid"],
    [{ path: "/;a" }, "option path is invalid"],
    [{ path: "/\r\nSet-Cookie: a=b" }, "option path is invalid"],
    [{ expires: new Date(Number.NaN) }, "option expires is invalid"],
    [{ priority: "urgent" }, "option priority is invalid"],
    [{ sameSite: "constructor" }, "option sameSite is invalid"],
  ])("lets nothing into the header that would break it: %o", (options, message) => {
    expect(() => new Cookie(options as never).serialize("n", "v")).toThrow(new TypeError(message));
  });

  it("changed for one visitor shows in the answer", async () => {
    const shop = await serve({}, (app) => {
      app.get("/", (req, res) => {
        shown(req).remember = true;
        req.session.cookie.maxAge = 60_000;
        res.end();
      });
    });
    expect((await shop.ask()).cookies[0]).toMatch(/; Expires=/);
  });
});
