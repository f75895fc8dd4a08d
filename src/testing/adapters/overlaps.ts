import assert from "node:assert/strict";
import { barrier } from "../barrier.ts";
import {
  assertErrors,
  type Cases,
  type Routes,
  redirect,
  returning,
  type Start,
  Stop,
  send,
  text,
} from "./fixtures.ts";

/** A handler that has read the session, and is stopped before it changes it. */
function slow(stop: Stop): Routes {
  return {
    "POST /slow": async ({ session }) => {
      const { a } = session.data;
      await stop.here();
      session.data.slow = a;
      return text("slow");
    },
  };
}

/** A visitor posts to `path` while another request of theirs, with the same cookie, is stopped in the slow handler; then that one goes on. */
async function overtaken(start: Start, path: string) {
  const stop = new Stop();
  const world = await start(slow(stop));
  const visitor = await returning(world);
  const late = world.visitor();
  late.cookie = visitor.cookie;
  const answering = late.post("/slow");
  await stop.reached;
  await visitor.post(path);
  stop.go();
  return { world, visitor, late, answer: await answering };
}

const many = 20;

export const overlaps: Cases = {
  async "of two overlapping requests that change different entries both win"(start) {
    const both = barrier(2);
    const changing = (name: string): Routes => ({
      [`POST /${name}`]: async ({ session }) => {
        assert.equal(session.data[name], undefined);
        await both.arrive();
        session.data[name] = 1;
        return text(name);
      },
    });
    const world = await start({ ...changing("x"), ...changing("y") });
    const visitor = await returning(world);
    await Promise.all([visitor.post("/x"), visitor.post("/y")]);
    assert.deepEqual(JSON.parse((await visitor.get("/data")).text), { a: 1, x: 1, y: 1 });
  },

  async "a logout survives a slow request, which is told, and sets no cookie"(start) {
    const { world, late, answer } = await overtaken(start, "/logout");
    const { status, cookies, text: body } = answer;
    assert.deepEqual([status, cookies, body], [409, [], "session-gone"]);
    assertErrors(world, "session-gone");
    assert.equal(world.store.records.size, 0);
    assert.equal((await late.get("/data")).text, "{}");
  },

  async "a request from before a login can't write into the session after it"(start) {
    const { visitor, answer } = await overtaken(start, "/login");
    const { status, cookies } = answer;
    assert.deepEqual([status, cookies], [409, []]);
    assert.equal((await visitor.get("/data")).text, '{"a":1}');
    assert.equal((await visitor.get("/user")).text, "ada");
  },

  async "a request that only read a session which ended meanwhile is answered"(start) {
    const stop = new Stop();
    const world = await start({
      "GET /slow": async ({ session }) => {
        const { a } = session.data;
        await stop.here();
        return text(String(a));
      },
    });
    const visitor = await returning(world);
    // So long unused that its use is to be written down.
    for (const [handle, record] of world.store.records)
      world.store.records.set(handle, { ...record, touchedAt: record.touchedAt - 10 * 60_000 });
    const answer = visitor.get("/slow");
    await stop.reached;
    world.store.records.clear();
    stop.go();
    const { status, text: body } = await answer;
    assert.deepEqual([status, body], [200, "1"]);
    assert.equal(world.store.calls.at(-1), "update");
    assert.deepEqual(world.errors, []);
    assert.equal(world.store.records.size, 0);
  },

  async "a login gives a new id: the old one is dead, the data carried over"(start) {
    const world = await start();
    const visitor = await returning(world);
    const planted = world.visitor();
    planted.cookie = visitor.cookie;
    const { cookies } = await visitor.post("/login");
    assert.equal(cookies.length, 1);
    assert.notEqual(visitor.cookie, planted.cookie);
    assert.equal((await planted.get("/user")).text, "nobody");
    assert.equal((await planted.get("/data")).text, "{}");
    assert.equal((await visitor.get("/data")).text, '{"a":1}');
  },

  async "a second user's login carries nothing over of the first one's"(start) {
    const world = await start({
      "POST /other": async ({ session }) => {
        await session.login("bob");
        return redirect("/user");
      },
    });
    const visitor = await returning(world);
    await visitor.post("/login");
    await visitor.post("/other");
    assert.equal((await visitor.get("/user")).text, "bob");
    assert.equal((await visitor.get("/data")).text, "{}");
    assert.equal(world.store.records.size, 1);
  },

  [`update() from ${many} overlapping requests counts to exactly ${many}`]: async (start) => {
    const all = barrier(many);
    const world = await start({
      "POST /count": async ({ session }) => {
        await all.arrive();
        return text(String(await session.update("n", (n) => Number(n ?? 0) + 1)));
      },
    });
    const visitor = await returning(world);
    const counts = await Promise.all(Array.from({ length: many }, () => visitor.post("/count")));
    assert.deepEqual(
      counts.map(({ text }) => Number(text)).sort((a, b) => a - b),
      Array.from({ length: many }, (_, i) => i + 1),
    );
    assert.equal((await visitor.get("/data")).text, `{"a":1,"n":${many}}`);
  },

  async "a message left for the next page is shown there, and once"(start) {
    const { visitor } = await start({
      "POST /order": ({ session }) => {
        session.flash("notice", "Your tea is on its way.");
        return redirect("/next");
      },
      "GET /next": ({ session }) => send(200, {}, session.flash("notice").join()),
    });
    const visiting = visitor();
    const { get } = await visiting.post("/order");
    assert.equal((await visiting.get(get("location")!)).text, "Your tea is on its way.");
    assert.equal((await visiting.get("/next")).text, "");
  },
};
