import assert from "node:assert/strict";
import type { Answer, Visitor } from "./client.ts";
import { type Cases, send, text } from "./fixtures.ts";

const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer ${id}` });

function idOf(answer: Answer): string {
  assert.deepEqual(answer.cookies, [], "a header session set a cookie");
  const id = answer.get("session-id");
  assert.ok(id, "no Session-Id came");
  return id;
}

/** A client of an API, with a stored session: `{ a: 1 }`. */
async function client(visitor: Visitor): Promise<string> {
  const answer = await visitor.post("/a");
  assert.deepEqual([answer.status, answer.get("cache-control")], [200, "no-store"]);
  return idOf(answer);
}

export const bearers: Cases = {
  async "a header session gives its id in a header, takes it from one, and sets no cookie"(start) {
    const world = await start({}, { transport: "bearer" });
    const visitor = world.visitor();
    const id = await client(visitor);
    const { text: data, get, cookies } = await visitor.get("/data", bearer(id));
    assert.deepEqual([data, get("vary"), get("session-id"), cookies], ['{"a":1}', "Authorization", undefined, []]);
    assert.equal((await visitor.get("/data")).text, "{}");
  },

  async "a header session gets another id at a login, and an empty one when it ends"(start) {
    const world = await start({}, { transport: "bearer" });
    const visitor = world.visitor();
    const before = await client(visitor);
    const after = idOf(await visitor.post("/login", bearer(before)));
    assert.notEqual(after, before);
    assert.equal((await visitor.get("/user", bearer(before))).text, "nobody");
    assert.equal((await visitor.get("/user", bearer(after))).text, "ada");
    const { get, cookies } = await visitor.post("/logout", bearer(after));
    assert.deepEqual([get("session-id"), cookies], ["", []]);
    assert.equal((await visitor.get("/user", bearer(after))).text, "nobody");
  },

  async "a header session is not opened by a cookie, nor a cookie's by a header: the app chooses for each request"(
    start,
  ) {
    const vary = () => send(200, { vary: "X-Client" }, "x");
    const world = await start(
      { "GET /vary": ({ session }) => (session.isNew ? text("new") : vary()) },
      { transport: (head) => (head.header("x-client") === "app" ? "bearer" : "cookie") },
    );
    const app = { "x-client": "app" };
    const browser = world.visitor();
    const { cookies, get } = await browser.post("/a");
    assert.deepEqual([cookies.length, get("session-id")], [1, undefined]);
    const inCookie = cookies[0]!.slice(cookies[0]!.indexOf("=") + 1).split(";", 1)[0]!;
    const inHeader = idOf(await world.visitor().post("/b", app));

    assert.equal((await browser.get("/data", app)).text, "{}", "a cookie opened a header session");
    assert.equal(
      (await world.visitor().get("/data", bearer(inHeader))).text,
      "{}",
      "a header opened a cookie's session",
    );
    assert.equal((await world.visitor().get("/data", { ...app, ...bearer(inHeader) })).text, '{"b":2}');
    assert.equal((await browser.get("/data")).text, '{"a":1}');
    // It is one store: which way an id came decides nothing but how the next one goes back.
    assert.equal((await world.visitor().get("/data", { ...app, ...bearer(inCookie) })).text, '{"a":1}');
    assert.equal((await browser.get("/vary")).get("vary"), "X-Client, Cookie, Authorization");
  },

  async "what is no bearer token of ours opens nothing, and asks no store"(start) {
    const world = await start({}, { transport: "bearer" });
    for (const authorization of [
      "Bearer",
      "Bearer ",
      "Basic YTpi",
      `Bearer ${"x".repeat(4000)}`,
      "Bearer a b",
      "bearer ,",
    ]) {
      const { status, text: data } = await world.visitor().get("/data", { authorization });
      assert.deepEqual([status, data], [200, "{}"], authorization);
    }
    assert.deepEqual(world.store.calls, []);
  },
};
