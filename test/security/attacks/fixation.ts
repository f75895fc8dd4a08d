import assert from "node:assert/strict";
import { barrier } from "holdfast/testing";
import type { Guest } from "../guest.ts";
import type { App, Probe } from "../target.ts";

/** A visitor with an entry, and so with a session. */
export async function visited(app: App): Promise<Guest> {
  const guest = app.visitor();
  assert.equal((await guest.post("/a")).status, 200);
  assert.notEqual(guest.id, "", "the visitor got no session");
  return guest;
}

export async function loggedIn(app: App, user = "ada"): Promise<Guest> {
  const guest = app.visitor();
  await guest.send("/login", user);
  assert.equal(await userOf(guest), user);
  return guest;
}

export const userOf = async (guest: Guest): Promise<string> => (await guest.get("/user")).text;
export const dataOf = async (guest: Guest): Promise<unknown> => JSON.parse((await guest.get("/data")).text);

export const fixation: readonly Probe[] = [
  {
    number: 1,
    name: "the id from before a login is dead after it (fixation; CVE-2022-25896, CVE-2023-29019)",
    async run(start) {
      const app = await start();
      const attacker = await visited(app);
      const victim = app.visitor().stranger(attacker.cookie);
      await victim.send("/login", "ada");
      assert.equal(await userOf(victim), "ada");

      const planted = attacker.copy();
      assert.equal(await userOf(planted), "nobody");
      await attacker.post("/b");
      assert.equal(((await dataOf(victim)) as { b?: number }).b, undefined, "the planted id still writes");
      assert.equal(await userOf(attacker), "nobody");
    },
  },
  {
    number: 2,
    name: "an id of the client's choice is never created (CVE-2024-38513)",
    async run(start, target) {
      const app = await start();
      const ended = await loggedIn(app);
      const own = ended.copy();
      await ended.post("/logout");
      for (const id of [target.forgedId(), own.id]) {
        const chooser = app.visitor().stranger(`${app.cookieName}=${encodeURIComponent(id)}`);
        await chooser.post("/a");
        assert.notEqual(chooser.id, id, "the client's id was adopted");
        const rows = await app.rows();
        assert.ok(
          !rows.some((row) => row.includes(id.split(".")[0]!.replace(/^s:/, ""))),
          "a row has the client's name",
        );
      }
    },
  },
  {
    number: 3,
    name: "a new id leaves no record under the old one",
    async run(start) {
      const app = await start();
      const guest = await visited(app);
      const before = guest.copy();
      const rows = (await app.rows()).length;
      await guest.post("/login");
      await guest.post("/rotate");
      assert.equal((await app.rows()).length, rows);
      assert.equal((await before.get("/new")).text, "true", "the old id still opens a session");
    },
  },
  {
    number: 4,
    name: "a new id that is taken already overwrites nobody's session",
    async run(start) {
      for (const path of ["/login", "/a"]) {
        const app = await start();
        const victim = await loggedIn(app, "victim");
        await victim.post("/a");
        app.collide(victim.id);
        const other = app.visitor();
        const { status } = await other.send(path, "mallory");
        assert.equal(await userOf(victim), "victim", `overwritten by ${path}`);
        assert.deepEqual(await dataOf(victim), { a: 1 });
        const { text } = await other.get(path === "/a" ? "/data" : "/user");
        assert.ok(
          status >= 500 || /mallory|\{"a":1\}/.test(text),
          "a session that was not stored is a success to the client",
        );
      }
    },
  },
  {
    number: 5,
    name: "two requests that rotate at once leave their user logged in",
    async run(start) {
      for (const last of [0, 1]) {
        const bothAreHere = barrier(2);
        const app = await start({
          routes: {
            "POST /both": async ({ session }) => {
              session.user();
              await bothAreHere.arrive();
              await session.rotate();
              return { body: "rotated" };
            },
          },
        });
        const guest = await loggedIn(app);
        const calls = [guest.start("/both"), guest.start("/both")];
        if (last === 0) calls.reverse();
        // The jar keeps what comes last, whichever that is.
        for (const call of calls) await guest.finish(call);
        assert.equal(await userOf(guest), "ada");
      }
    },
  },
];
