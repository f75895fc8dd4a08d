import { createSessions, type Sessions, type SessionsOptions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { type NamedCookie, type NextSessions, nextSessions } from "holdfast/next";
import { memoryStore } from "holdfast/stores/memory";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

// The real Next is driven by `npm run test:examples`, the adapters' suite included: see test/examples/heavy/next.ts. This is what needs no Next.

interface Data {
  views: number;
  cart: string[];
}

/** One request as `next/headers` shows it. */
interface Visit {
  readonly header: string | undefined;
  readonly set: NamedCookie[];
  readonly cookies: object;
}

describe("nextSessions", () => {
  let sessions: Sessions<Data>;
  let visit: Visit;
  let next: NextSessions<Data>;

  beforeEach(() => use({ store: memoryStore() }));
  afterEach(async () => {
    vi.useRealTimers();
    await sessions.close();
  });

  function use(options: SessionsOptions): void {
    sessions = createSessions<Data>(options);
    next = nextSessions(sessions, {
      cookies: async () => visit.cookies as never,
      headers: async () => new Headers(visit.header === undefined ? {} : { cookie: visit.header }),
    });
    arrive();
  }

  /** The next request. In a render, cookies can't be set. */
  function arrive(header?: string, { rendering = false } = {}): void {
    const set: NamedCookie[] = [];
    const jar = {
      getAll: () =>
        [...new Headers({ cookie: header ?? "" }).get("cookie")!.matchAll(/([^=; ]+)=([^;]*)/g)].map(
          ([, name, value]) => set.find((own) => own.name === name) ?? { name, value },
        ),
      set(cookie: NamedCookie) {
        if (rendering) throw new Error("Cookies can only be modified in a Server Action or Route Handler.");
        set.push(cookie);
      },
    };
    visit = { header, set, cookies: jar };
  }

  /** A session with one view; answers its Cookie header. */
  async function returning(): Promise<string> {
    arrive();
    await next.withSession((session) => {
      session.data.views = 1;
    })();
    const [{ name, value }] = visit.set as [NamedCookie];
    return `${name}=${value}`;
  }

  const redirecting = Object.assign(new Error("NEXT_REDIRECT"), { digest: "NEXT_REDIRECT;replace;/;307;" });

  describe("withSession", () => {
    it("hands the arguments on, and sets the cookie when it is saved", async () => {
      const add = next.withSession(async (session, by: number, name: string) => {
        session.data.views = by;
        return name;
      });
      expect(await add(3, "three")).toBe("three");
      expect(visit.set).toEqual([
        { name: "sid", value: expect.any(String), path: "/", httpOnly: true, sameSite: "lax" },
      ]);
    });

    it("sets none where nothing was left, or the cookie is known", async () => {
      const look = next.withSession((session) => session.data.views);
      expect([await look(), visit.set]).toEqual([undefined, []]);
      arrive(await returning());
      expect([await look(), visit.set]).toEqual([1, []]);
    });

    it("takes a device's proof back with the session's cookie", async () => {
      use({ store: memoryStore(), deviceBound: "/device" });
      arrive(`${await returning()}; __Host-sid-device=${"p".repeat(43)}`);
      await next.withSession((session) => session.destroy())();
      expect(visit.set).toMatchObject([
        { name: "sid", value: "", maxAge: 0 },
        { name: "__Host-sid-device", value: "", maxAge: 0 },
      ]);
    });

    it("saves before redirect() leaves", async () => {
      const leave = next.withSession(async (session) => {
        session.data.views = 5;
        throw redirecting;
      });
      await expect(leave()).rejects.toBe(redirecting);
      const [{ name, value }] = visit.set as [NamedCookie];
      arrive(`${name}=${value}`, { rendering: true });
      expect((await next.session()).data.views).toBe(5);
    });

    it("rejects with the store's error in place of redirect()", async () => {
      const create = (): never => {
        throw new Error("down");
      };
      use({ store: { ...memoryStore(), create } });
      const leave = next.withSession(async (session) => {
        session.data.views = 5;
        throw redirecting;
      });
      await expect(leave()).rejects.toMatchObject({ code: "store-failed" });
      expect(visit.set).toEqual([]);
    });

    it("drops what a failing handler changed, and asks onError for the answer", async () => {
      const cookie = await returning();
      arrive(cookie);
      const failing = next.withSession(
        (session): string => {
          session.data.views = 9;
          throw new Error("no");
        },
        { onError: (error) => (error as Error).message },
      );
      expect(await failing()).toBe("no");
      arrive(cookie);
      expect((await next.session()).data.views).toBe(1);
    });

    it("fails where Next can't set the cookie, and says where to go", async () => {
      arrive(undefined, { rendering: true });
      const begin = next.withSession((session) => {
        session.data.views = 1;
      });
      await expect(begin()).rejects.toMatchObject({
        code: "session-read-only",
        message: expect.stringContaining("withSession()"),
      });
    });

    it("can't give a bearer token to who gets no headers", async () => {
      use({ store: memoryStore(), transport: "bearer" });
      const begin = next.withSession((session) => {
        session.data.views = 1;
      });
      await expect(begin()).rejects.toMatchObject({ code: "session-read-only" });
    });

    it("begins one session where one wrapped function calls others at once", async () => {
      const store = memoryStore();
      const create = vi.fn(store.create);
      use({ store: { ...store, create } });
      const add = next.withSession((session) => session.update("views", (n = 0) => n + 1));
      const both = next.withSession(() => Promise.all([add(), add()]));
      expect((await both()).sort()).toEqual([1, 2]);
      expect(create).toHaveBeenCalledTimes(1);
    });
  });

  describe("session", () => {
    it("reads the store once for a request, however many ask", async () => {
      const store = memoryStore();
      const read = vi.fn(store.read);
      use({ store: { ...store, read } });
      arrive(await returning(), { rendering: true });
      read.mockClear();
      const [one, other] = await Promise.all([next.session(), next.session()]);
      expect([one.data.views, other.handle, read.mock.calls.length]).toEqual([1, one.handle, 1]);
    });

    it("refuses changes, deep ones too", async () => {
      arrive();
      await next.withSession((session) => {
        session.data.cart = ["tea"];
      })();
      const [{ name, value }] = visit.set as [NamedCookie];
      arrive(`${name}=${value}`, { rendering: true });
      const session = await next.session();
      const refused = expect.objectContaining({ code: "session-read-only" });
      expect(() => Object.assign(session.data, { views: 1 })).toThrow(refused);
      expect(() => Reflect.deleteProperty(session.data, "cart")).toThrow(refused);
      expect(() => Object.assign(session, { cart: [] })).toThrow(refused);
      expect(() => session.data.cart?.push("milk")).toThrow(TypeError);
      expect({ ...session.data }).toEqual({ cart: ["tea"] });
      expect(session.toJSON()).toMatchObject({ data: { cart: ["tea"] } });
    });

    it("keeps a session alive that is only ever read, under the id that its client has", async () => {
      vi.useFakeTimers({ toFake: ["Date"] });
      use({ store: memoryStore(), idle: "10m", absolute: "12h" });
      const cookie = await returning();
      for (let minutes = 0; minutes < 120; minutes += 8) {
        vi.setSystemTime(Date.now() + 8 * 60_000);
        arrive(cookie, { rendering: true });
        const session = await next.session();
        expect([session.isNew, session.data.views, visit.set]).toEqual([false, 1, []]);
      }
    });

    it("is the changed one within and after a wrapped function of the same request", async () => {
      arrive(await returning());
      expect((await next.session()).data.views).toBe(1);
      await next.withSession(async (session) => {
        session.data.views = 2;
        expect((await next.session()).data.views).toBe(2);
      })();
      expect((await next.session()).data.views).toBe(2);
    });

    it("opens what holdfast/fetch began", async () => {
      const begin = fetchSessions(sessions, (_request, session) => {
        session.data.views = 4;
        return new Response();
      });
      const response = await begin(new Request("http://shop.test/"));
      arrive(response.headers.getSetCookie()[0]!.split(";")[0], { rendering: true });
      expect((await next.session()).data.views).toBe(4);
    });
  });
});
