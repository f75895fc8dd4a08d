import assert from "node:assert/strict";
import type { Cases, Routes } from "./fixtures.ts";
import { assertErrors, returning, text } from "./fixtures.ts";

const routes: Routes = { "GET /token": async ({ session }) => text((await session.csrfToken()) ?? "none") };

const HOST = { host: "shop.test" };
const OWN = { ...HOST, origin: "https://shop.test" };
const OTHER = { ...HOST, origin: "https://evil.test" };

/** What browsers say of a request, and whether it may change something. */
const SAID: readonly (readonly [headers: Record<string, string>, mayChange: boolean])[] = [
  [{ ...HOST, "sec-fetch-site": "same-origin" }, true],
  [{ ...HOST, "sec-fetch-site": "none" }, true],
  [{ ...HOST, "sec-fetch-site": "same-site" }, false],
  [{ ...HOST, "sec-fetch-site": "cross-site" }, false],
  [{ ...OWN, "sec-fetch-site": "cross-site" }, false],
  [OWN, true],
  [OTHER, false],
  [{ ...HOST, origin: "null" }, false],
  [{ ...HOST, origin: "https://shop.test.evil.test" }, false],
  [{ ...HOST, origin: "https://shop.test:444" }, false],
  [{ ...HOST, origin: "https://pay.test" }, true],
  [{ ...HOST, origin: "https://pay.test", "sec-fetch-site": "cross-site" }, true],
  [HOST, false],
];

export const origins: Cases = {
  async "with csrf, another site's page can't make a visitor's browser change anything"(start) {
    for (const [headers, mayChange] of SAID) {
      const world = await start(routes, { csrf: { allow: ["https://pay.test"] } });
      const visitor = world.visitor();
      await visitor.post("/a", OWN);
      const { status } = await visitor.post("/b", headers);
      const said = JSON.stringify(headers);
      assert.equal(status, mayChange ? 200 : 403, said);
      const { text: data } = await visitor.get("/data", { ...headers, "sec-fetch-site": "cross-site" });
      assert.equal(data, mayChange ? '{"a":1,"b":2}' : '{"a":1}', said);
      assertErrors(world, ...(mayChange ? [] : (["cross-site-request"] as const)));
    }
  },

  async "with csrf, who names no origin needs the session's token, and a visitor without a session nothing"(start) {
    const world = await start(routes, { csrf: true });
    const [visitor, other] = [world.visitor(), world.visitor()];
    assert.equal((await visitor.get("/token")).text, "none");
    for (const each of [visitor, other]) assert.equal((await each.post("/a", { ...HOST })).status, 200);
    const [token, wrong] = [(await visitor.get("/token")).text, (await other.get("/token")).text];
    assert.equal((await visitor.post("/b", { ...HOST, "x-csrf-token": token })).status, 200);
    for (const given of ["", wrong, `${token}x`]) {
      assert.equal((await visitor.post("/b", { ...HOST, "x-csrf-token": given })).status, 403, given);
    }
  },

  async "without csrf, and for header sessions, every origin may"(start) {
    const visitor = await returning(await start());
    assert.equal((await visitor.post("/b", OTHER)).status, 200);
    const world = await start(routes, { csrf: true, transport: "bearer" });
    const app = world.visitor();
    const id = (await app.post("/a", OTHER)).get("session-id");
    assert.equal((await app.post("/b", { ...OTHER, authorization: `Bearer ${id}` })).status, 200);
  },
};
