import type { Store } from "express-session";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Browser, browser, serve } from "../browser.ts";
import { type Library, libraries, original } from "../libraries.ts";
import { app, type Page } from "./app.ts";

/** Where one published store keeps its sessions, for as long as a suite runs. */
export interface Place {
  /** A store over this place, built on the library's `Store` where the package lets apps say which. */
  open(library: Library): Store;
  close(): unknown;
}

/** The page of a visitor who has nothing in the app, whether logged out or never seen. */
const EMPTY: Page = { expires: "a Date" };

/** What an app that keeps its sessions in a published store counts on. */
export function storeSuite(prepare: () => Place | Promise<Place>): void {
  let place: Place;
  beforeAll(async () => {
    place = await prepare();
  });
  afterAll(() => place?.close());

  describe.each(libraries)("with %s", (_, library) => {
    const start = (options?: Parameters<typeof app>[2]): Promise<string> =>
      serve(app(library, place.open(library), options));

    it("writes nothing for a visitor without a session", async () => {
      const store = place.open(library);
      const set = vi.spyOn(store, "set");
      const visitor = browser(await serve(app(library, store)));
      expect(await page(visitor)).toEqual(EMPTY);
      expect(visitor.cookies).toEqual(new Map());
      expect(set).not.toHaveBeenCalled();
    });

    it("keeps what requests put in, and the cookie's end as a Date", async () => {
      const ada = browser(await start());
      await ada.post("/note/caf%C3%A9");
      await ada.post("/note/%F0%9F%90%9D");
      expect(await page(ada)).toEqual({ ...EMPTY, notes: ["café", "🐝"] });
    });

    it("keeps a session whose cookie ends with the browser", async () => {
      const ada = browser(await start({ cookie: {} }));
      await ada.post("/note/mine");
      expect(await page(ada)).toEqual({ notes: ["mine"], expires: "no Date" });
      expect(await page(ada)).toEqual({ notes: ["mine"], expires: "no Date" });
    });

    it("leaves nothing under the id from before a login", async () => {
      const ada = browser(await start());
      await ada.post("/note/mine");
      const before = new Map(ada.cookies);
      await ada.post("/login/ada");
      expect(ada.cookies).not.toEqual(before);
      expect(await page(ada)).toEqual({ ...EMPTY, visitor: "ada" });
      expect(await page(browser(ada.origin, before))).toEqual(EMPTY);
    });

    it("lets nobody in after a logout", async () => {
      const ada = browser(await start());
      await ada.post("/login/ada");
      const thief = browser(ada.origin, new Map(ada.cookies));
      await ada.post("/logout");
      expect(await page(ada)).toEqual(EMPTY);
      expect(await page(thief)).toEqual(EMPTY);
    });

    it("ends a session at the time that a request set on the cookie alone", async () => {
      const [ada, bob] = [browser(await start()), browser(await start())];
      await ada.post("/login/ada");
      await bob.post("/login/bob");
      // Not 1 ms: memorystore keeps for ever what is written in the millisecond of its end.
      await ada.post("/end-in/100");
      // Some stores count whole seconds. They are asked themselves, for a request would touch the session.
      await vi.waitFor(async () => expect(await stored(place.open(library), ada)).toBeFalsy(), 5000);
      expect(await page(bob)).toMatchObject({ visitor: "bob" });
    });

    it("sends the cookie once, or with every answer where it rolls", async () => {
      const still = browser(await start());
      await still.post("/login/ada");
      expect((await still.get("/")).headers.getSetCookie()).toEqual([]);

      const rolling = browser(await start({ rolling: true }), still.cookies);
      expect((await rolling.get("/")).headers.getSetCookie()).toEqual([expect.stringMatching(/; Expires=/)]);
    });

    it("works with a store that was built on the Store of express-session", async () => {
      const ada = browser(await serve(app(library, place.open(original))));
      await ada.post("/login/ada");
      await ada.post("/note/hello");
      expect(await page(ada)).toEqual({ ...EMPTY, visitor: "ada", notes: ["hello"] });
      await ada.post("/logout");
      expect(await page(ada)).toEqual(EMPTY);
    });

    it("takes over an app's sessions from express-session, and gives them back", async () => {
      const before = await serve(app(original, place.open(original)));
      const ada = browser(before);
      const bob = browser(before);
      await ada.post("/login/ada");
      await bob.post("/login/bob");

      const switched = await start();
      expect(await page(browser(switched, ada.cookies))).toMatchObject({ visitor: "ada" });
      await browser(switched, ada.cookies).post("/note/switched");
      await browser(switched, bob.cookies).post("/logout");
      const cyd = browser(switched);
      await cyd.post("/login/cyd");

      const after = await serve(app(original, place.open(original)));
      expect(await page(browser(after, ada.cookies))).toMatchObject({ visitor: "ada", notes: ["switched"] });
      expect(await page(browser(after, bob.cookies))).toEqual(EMPTY);
      expect(await page(browser(after, cyd.cookies))).toMatchObject({ visitor: "cyd" });
    });
  });
}

const page = async (visitor: Browser): Promise<Page> => (await visitor.get("/")).json() as Promise<Page>;

/** What the store itself has of the visitor's session. */
function stored(store: Store, visitor: Browser): Promise<unknown> {
  const [, id = ""] = /^s%3A([^.]+)/.exec(visitor.cookies.get("connect.sid") ?? "") ?? [];
  return new Promise((resolve, reject) => {
    store.get(id, (error, session) => (error ? reject(error) : resolve(session)));
  });
}
