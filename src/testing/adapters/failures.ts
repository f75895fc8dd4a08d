import assert from "node:assert/strict";
import { isHoldfastError } from "../../errors.ts";
import type { Answer } from "./client.ts";
import {
  assertErrors,
  type Cases,
  failing,
  type Routes,
  redirect,
  returning,
  type Start,
  send,
  text,
  type World,
} from "./fixtures.ts";

const secret = "all is well";

/** An answer that must not be seen where its session was not saved. */
const well = () => send(200, { "content-type": "application/json", "content-language": "ko", etag: '"1"' }, secret);

function assertClean(world: World, answer: Answer): void {
  const { status, cookies, text, get } = answer;
  assert.ok(status >= 500, `status ${status}`);
  assert.deepEqual(cookies, []);
  assert.ok(!text.includes(secret));
  assert.equal(get("content-language"), undefined);
  assert.notEqual(get("etag"), '"1"');
  assert.ok(!get("content-type")?.includes("json"));
  assert.equal(world.errors.length, 1);
}

async function assertFails(start: Start, operation: "create" | "update"): Promise<void> {
  const world = await start({
    "POST /x": ({ session }) => {
      session.data.x = 1;
      return well();
    },
    "POST /redirect": ({ session }) => {
      session.data.x = 1;
      return redirect("/data");
    },
  });
  const visitor = operation === "update" ? await returning(world) : world.visitor();
  world.store.before[operation] = failing;
  assertClean(world, await visitor.post("/x"));
  const redirected = await visitor.post("/redirect");
  assert.deepEqual([redirected.status, redirected.get("location")], [503, undefined]);
  assertErrors(world, "store-failed", "store-failed");

  world.store.before = {};
  assert.equal((await visitor.post("/x")).text, secret);
  assert.equal(JSON.parse((await visitor.get("/data")).text).x, 1);
}

export const failures: Cases = {
  "a session that can't be created is an error, never a 200, and the app recovers with the store": (start) =>
    assertFails(start, "create"),

  "a session that can't be updated is an error, never a 200, and the app recovers with the store": (start) =>
    assertFails(start, "update"),

  async "a session that can't be read is an error, and no handler runs"(start) {
    let ran = false;
    const world = await start({
      "GET /x": () => {
        ran = true;
        return text("x");
      },
    });
    const visitor = await returning(world);
    world.store.before.read = failing;
    const { status, text: body } = await visitor.get("/x");
    assert.deepEqual([status, body, ran], [503, "store-failed", false]);
    assertErrors(world, "store-failed");
    assert.equal((await world.visitor().get("/x")).status, 200, "who has no cookie needs no store");
    world.store.before = {};
    assert.equal((await visitor.get("/data")).text, '{"a":1}');
  },

  async "a store that hangs is an error at the deadline"(start) {
    const saving: Routes = {
      "POST /x": ({ session }) => {
        session.data.x = 1;
        return well();
      },
    };
    const world = await start(saving, { timeout: 50 });
    const visitor = await returning(world);
    const hanging = (): Promise<void> => new Promise(() => {});
    world.store.before.update = hanging;
    assertClean(world, await visitor.post("/x"));
    world.store.before.read = hanging;
    assert.equal((await visitor.get("/data")).status, 503);
    assertErrors(world, "store-timeout", "store-timeout");
  },

  async "a value that can't be stored is an error that names it, before anything is sent"(start) {
    const world = await start({
      "POST /x": ({ session }) => {
        session.data.x = { deep: [10n] };
        return well();
      },
    });
    const visitor = world.visitor();
    assertClean(world, await visitor.post("/x"));
    const [error] = world.errors;
    assert.ok(isHoldfastError(error) && error.code === "entry-unserializable");
    assert.equal(error.details.entry, "x");
    assert.equal((await visitor.get("/data")).text, "{}");
  },

  async "a handler's own error goes to the framework's error handling"(start) {
    const world = await start({
      "POST /x": () => {
        throw Object.assign(new Error("teapot"), { status: 418 });
      },
      "POST /y": async ({ session }) => {
        session.data.y = 1;
        await Promise.reject(Object.assign(new Error("teapot"), { status: 418 }));
        return text("y");
      },
    });
    for (const path of ["/x", "/y"]) {
      const { status, text: body } = await world.visitor().post(path);
      assert.deepEqual([status, body], [418, "teapot"]);
    }
    assert.equal(world.errors.length, 2);
  },

  async "an error tells of the login before it, whose id is the only one that still works"(start) {
    const world = await start({
      "POST /x": async ({ session }) => {
        await session.login("ada");
        session.data.x = 10n;
        return well();
      },
    });
    const visitor = await returning(world);
    const { status, cookies, get, text: body } = await visitor.post("/x");
    assert.deepEqual([status, cookies.length, get("cache-control")], [500, 1, "no-store"]);
    assert.ok(!body.includes(secret));
    assert.equal((await visitor.get("/user")).text, "ada");
    assertErrors(world, "entry-unserializable");
  },
};
