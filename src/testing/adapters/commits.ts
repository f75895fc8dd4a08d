import assert from "node:assert/strict";
import type { HoldfastError } from "../../errors.ts";
import type { AppReply } from "../adapters.ts";
import { assertHeld, type Cases, redirect, returning, type Start, Stop, send, stream, text } from "./fixtures.ts";

async function* chunks(...list: string[]): AsyncGenerator<string> {
  yield* list;
}

/** The kinds of answers, and what of each can be seen. */
const replies: Record<string, () => AppReply> = {
  "a response": () => text("x"),
  "a response without a body": () => send(204, {}),
  "a redirect": () => redirect("/data"),
  "a stream": () => stream(() => chunks("x", "y")),
};

/** The answer must wait for the store's operation, and come once that is done. */
async function assertWaits(start: Start, operation: "create" | "update", reply: () => AppReply): Promise<void> {
  const world = await start({
    "POST /x": ({ session }) => {
      session.data.x = 1;
      return reply();
    },
  });
  const visitor = operation === "update" ? await returning(world) : world.visitor();
  const stop = new Stop();
  world.store.before[operation] = stop.here;
  const call = visitor.begin("POST", "/x", { "content-length": "0" });
  call.end();
  await stop.reached;
  await assertHeld(world, call);
  stop.go();
  const { status } = await visitor.finish(call);
  assert.ok(status < 400);
  assert.equal(JSON.parse((await visitor.get("/data")).text).x, 1);
}

/** Does these one after another. Answers what each answered, or the code of its error. */
async function codes(actions: (() => unknown)[]): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (const action of actions) {
    try {
      outcomes.push(await action());
    } catch (error) {
      outcomes.push((error as HoldfastError).code);
    }
  }
  return outcomes;
}

export const commits: Cases = {
  ...Object.fromEntries(
    Object.entries(replies).flatMap(([what, reply]) =>
      (["create", "update"] as const).map((operation) => [
        `${what} does not leave before the session is saved (${operation})`,
        (start: Start) => assertWaits(start, operation, reply),
      ]),
    ),
  ),

  async "who follows the redirect of a login is logged in"(start) {
    const { visitor } = await start();
    for (let i = 0; i < 10; i++) {
      const visiting = visitor();
      const { status, get } = await visiting.post("/login");
      assert.ok(status >= 300 && status < 400);
      assert.equal((await visiting.get(get("location")!)).text, "ada");
    }
  },

  async "what a handler saves itself is saved before it answers"(start) {
    const stop = new Stop();
    const world = await start({
      "POST /x": async ({ session }) => {
        session.data.x = 1;
        await session.save();
        await stop.here();
        return text("x");
      },
    });
    const visitor = await returning(world);
    const call = visitor.begin("POST", "/x", { "content-length": "0" });
    call.end();
    await stop.reached;
    assert.equal((await visitor.get("/data")).text, '{"a":1,"x":1}');
    stop.go();
    assert.equal((await visitor.finish(call)).text, "x");
  },

  async "a session is saved while a body is still coming in"(start) {
    const world = await start({
      "PUT /upload": async ({ session, request }) => {
        let size = 0;
        for await (const piece of request.body) {
          size += piece.length;
          session.data.size = size;
          await session.save();
        }
        session.data.done = true;
        return text(String(size));
      },
    });
    const visitor = await returning(world);
    const call = visitor.begin("PUT", "/upload", { "content-type": "application/octet-stream" });
    const stored = world.store.done("update");
    call.write("12345");
    await stored;
    assert.equal((await visitor.get("/data")).text, '{"a":1,"size":5}');
    call.write("678");
    call.end();
    assert.equal((await visitor.finish(call)).text, "8");
    assert.equal((await visitor.get("/data")).text, '{"a":1,"size":8,"done":true}');
  },

  async "a handler whose client has left finishes, and its change is saved"(start) {
    const stop = new Stop();
    const world = await start({
      "POST /x": async ({ session }) => {
        await stop.here();
        session.data.x = 1;
        return text("x");
      },
    });
    const visitor = await returning(world);
    const call = visitor.begin("POST", "/x", { "content-length": "0" });
    call.end();
    await stop.reached;
    call.abort();
    await assert.rejects(call.head);
    const stored = world.store.done("update");
    stop.go();
    await stored;
    assert.equal((await visitor.get("/data")).text, '{"a":1,"x":1}');
    assert.deepEqual(world.errors, []);
  },

  async "a client that leaves while the session is saved disturbs nobody"(start) {
    const stop = new Stop();
    const world = await start();
    const visitor = await returning(world);
    world.store.before.update = stop.here;
    const call = visitor.begin("POST", "/b", { "content-length": "0" });
    call.end();
    await stop.reached;
    call.abort();
    await assert.rejects(call.head);
    const stored = world.store.done("update");
    stop.go();
    await stored;
    assert.equal((await visitor.get("/data")).text, '{"a":1,"b":2}');
  },

  async "after the response a change is refused, and the methods that need no cookie work"(start) {
    const answered = new Stop();
    let outcomes: Promise<unknown[]> | undefined;
    const world = await start({
      "POST /x": ({ session }) => {
        outcomes = answered.here().then(() =>
          codes([
            () => {
              session.data.a = 2;
            },
            () => session.flash("notice", "too late"),
            () => session.login("ada"),
            () => session.regenerate(),
            () => session.update("n", () => 1),
            () => session.destroy(),
          ]),
        );
        return text("x");
      },
    });
    const visitor = await returning(world);
    await visitor.post("/x");
    answered.go();
    const refused = "headers-sent";
    assert.deepEqual(await outcomes, [refused, refused, refused, refused, 1, undefined]);
    assert.equal(world.store.records.size, 0);
  },
};
