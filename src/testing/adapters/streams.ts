import assert from "node:assert/strict";
import type { Session } from "../../core/session.ts";
import type { Call } from "./client.ts";
import { assertErrors, assertHeld, type Cases, type Data, returning, Stop, stream, type World } from "./fixtures.ts";

/** Begins a request of `GET /stream`, whose chunks come as `between` passes: "first", and then "last". */
async function begin(world: World) {
  const visitor = await returning(world);
  const call = visitor.begin("GET", "/stream");
  call.end();
  return { visitor, call };
}

/** Changes the session, and then streams; does more with it between the first and the last chunk. */
const streaming = (between: (session: Session<Data>) => unknown, headers?: Record<string, string>) => ({
  "GET /stream": ({ session }: { session: Session<Data> }) => {
    session.data.before = 1;
    return stream(async function* () {
      yield "first;";
      await between(session);
      yield "last;";
    }, headers);
  },
});

/** Reads the body until this text has come. */
async function readUntil(pieces: AsyncIterator<Uint8Array>, end: string): Promise<string> {
  let text = "";
  while (!text.includes(end)) {
    const { value, done } = await pieces.next();
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  return text;
}

const piecesOf = ({ body }: Call): AsyncIterator<Uint8Array> => body[Symbol.asyncIterator]();

export const streams: Cases = {
  async "the first chunk of a stream leaves when the session is saved, and waits for no other"(start) {
    const saving = new Stop();
    const middle = new Stop();
    const world = await start(streaming(middle.here));
    world.store.before.update = saving.here;
    const { visitor, call } = await begin(world);
    await saving.reached;
    await assertHeld(world, call);
    saving.go();
    const pieces = piecesOf(call);
    assert.equal((await call.head).status, 200);
    assert.equal(await readUntil(pieces, "first;"), "first;");
    middle.go();
    assert.equal(await readUntil(pieces, "last;"), "last;");
    assert.equal((await visitor.get("/data")).text, '{"a":1,"before":1}');
  },

  async "server-sent events: each leaves at once, and a session that each one changes is saved"(start) {
    const events = [new Stop(), new Stop(), new Stop()];
    const world = await start({
      "GET /stream": ({ session }) =>
        stream(
          async function* () {
            for (const [i, event] of events.entries()) {
              await event.here();
              await session.update("seen", () => i + 1);
              yield `data: ${i + 1}\n\n`;
            }
          },
          { "content-type": "text/event-stream" },
        ),
    });
    const { visitor, call } = await begin(world);
    const pieces = piecesOf(call);
    for (const [i, event] of events.entries()) {
      event.go();
      assert.equal(await readUntil(pieces, "\n\n"), `data: ${i + 1}\n\n`);
      assert.equal((await visitor.get("/data")).text, `{"a":1,"seen":${i + 1}}`);
    }
    assert.equal((await pieces.next()).done, true);
  },

  async "a change in mid-stream is saved by save()"(start) {
    const world = await start(
      streaming(async (session) => {
        session.data.between = 1;
        await session.save();
      }),
    );
    const { visitor, call } = await begin(world);
    assert.equal((await visitor.finish(call)).text, "first;last;");
    assert.equal((await visitor.get("/data")).text, '{"a":1,"before":1,"between":1}');
    assert.deepEqual(world.errors, []);
  },

  async "a change in mid-stream that nobody saves breaks the stream, and is an error"(start) {
    const middle = new Stop();
    const world = await start(
      streaming(async (session) => {
        await middle.here();
        session.data.between = 1;
      }),
    );
    const { visitor, call } = await begin(world);
    const pieces = piecesOf(call);
    assert.equal(await readUntil(pieces, "first;"), "first;");
    middle.go();
    await assert.rejects(async () => {
      while (!(await pieces.next()).done);
    }, "the client saw a whole body");
    assertErrors({ ...world, errors: world.errors.slice(0, 1) }, "headers-sent");
    assert.equal((await visitor.get("/data")).text, '{"a":1,"before":1}');
  },

  async "a login in mid-stream is refused: its cookie can't leave any more"(start) {
    const middle = new Stop();
    let outcome: unknown;
    const world = await start(
      streaming(async (session) => {
        await middle.here();
        outcome = await session.login("ada").catch((error: unknown) => error);
      }),
    );
    const { visitor, call } = await begin(world);
    const pieces = piecesOf(call);
    await readUntil(pieces, "first;");
    middle.go();
    await readUntil(pieces, "last;");
    assertErrors({ ...world, errors: [outcome] }, "headers-sent");
    assert.equal((await visitor.get("/user")).text, "nobody");
    assert.equal((await visitor.get("/data")).text, '{"a":1,"before":1}');
  },

  async "a stream whose source fails breaks, and what was saved before it stays"(start) {
    const middle = new Stop();
    const world = await start(
      streaming(async () => {
        await middle.here();
        throw new Error("the source is dry");
      }),
    );
    const { visitor, call } = await begin(world);
    const pieces = piecesOf(call);
    await readUntil(pieces, "first;");
    middle.go();
    await assert.rejects(async () => {
      while (!(await pieces.next()).done);
    });
    assert.equal((await visitor.get("/data")).text, '{"a":1,"before":1}');
  },
};
