import assert from "node:assert/strict";
import { Stop } from "../../../src/testing/adapters/fixtures.ts";
import { type At, offered, type Probe, type Reply, type Routes, type Start } from "../target.ts";
import { dataOf, loggedIn, userOf, visited } from "./fixation.ts";

/** What a request that is under way does when it goes on after the end of its session. */
const LATE: Readonly<Record<string, (at: At) => unknown>> = {
  reading: ({ session }) => session.all(),
  "writing what it read": ({ session }) => session.set("a", 2),
  "writing something new": ({ session }) => session.set("late", true),
  saving: ({ session }) => {
    session.set("late", true);
    return session.save();
  },
  touching: () => {},
  "getting a new id": ({ session }) => session.rotate(),
};

function slow(stop: Stop, late: (at: At) => unknown): Routes {
  return {
    "POST /slow": async (at): Promise<Reply> => {
      at.session.all();
      await stop.here();
      await late(at);
      return { body: "slow" };
    },
  };
}

/** Has a request under way while `end` ends its session; nothing of it may live on. */
export async function endedUnder(start: Start, idle: number, end: (on: On) => Promise<void>): Promise<void> {
  for (const [doing, late] of Object.entries(LATE)) {
    const stop = new Stop();
    const app = await start({ idle, routes: slow(stop, late) });
    const guest = await loggedIn(app);
    await guest.post("/a");
    // Where use is written down only now and then, it is due.
    if (doing === "touching") await app.elapse(idle / 2);
    const call = guest.start("/slow");
    await stop.reached;
    const thief = guest.copy();
    await end({ app, guest });
    stop.go();
    await guest.finish(call);
    await check({ app, guest }, thief, doing);
  }
}

interface On {
  readonly app: Awaited<ReturnType<Start>>;
  readonly guest: Awaited<ReturnType<typeof loggedIn>>;
}

async function check({ app, guest }: On, thief: On["guest"], doing: string): Promise<void> {
  const { id } = thief;
  assert.equal(await userOf(thief), "nobody", `a request that was ${doing} brought the session back`);
  assert.equal(await userOf(guest), "nobody", `a request that was ${doing} set a cookie that opens it`);
  assert.equal(await app.isServed(id), false, `a request that was ${doing} wrote the row again`);
}

export const endings: readonly Probe[] = [
  {
    number: 6,
    name: "no request under way brings back what a logout ended, nor sets its cookie late (CVE-2025-46336)",
    run: (start) => endedUnder(start, 600_000, async ({ guest }) => void (await guest.copy().post("/logout"))),
  },
  {
    number: 7,
    name: "an expired session stays expired, through reloads and late writes (CVE-2024-35220)",
    async run(start) {
      const stop = new Stop();
      const app = await start({ idle: 60_000, routes: slow(stop, ({ session }) => session.reload()) });
      const guest = await loggedIn(app);
      const call = guest.start("/slow");
      await stop.reached;
      const thief = guest.copy();
      await app.elapse(61_000);
      stop.go();
      await guest.finish(call).catch(() => {});
      for (const each of [thief.copy(), thief, guest]) assert.equal(await userOf(each), "nobody");
      await thief.post("/b");
      assert.equal(await userOf(thief), "nobody");

      const again = await start({ after: app, idle: 60_000 });
      assert.equal(await userOf(again.visitor().stranger(thief.cookie)), "nobody");
      await endedUnder(start, 600_000, ({ app }) => app.elapse(601_000));
    },
  },
  {
    number: 8,
    name: "a cookie from before the logout opens nothing when it is replayed (CVE-2024-31999)",
    async run(start) {
      const app = await start();
      const guest = await loggedIn(app);
      const thief = guest.copy();
      await guest.post("/logout");
      for (let i = 0; i < 3; i++) {
        assert.equal(await userOf(thief.copy()), "nobody");
        assert.deepEqual(await dataOf(thief.copy()), {});
      }
      const restarted = await start({ after: app });
      assert.equal(await userOf(restarted.visitor().stranger(thief.cookie)), "nobody");
    },
  },
  {
    number: 9,
    name: "a logout leaves no row, also where the handler goes on to write (CVE-2023-20862)",
    async run(start) {
      const app = await start();
      const guest = await loggedIn(app);
      await guest.post("/logout");
      assert.deepEqual(await app.rows(), []);
      await guest.post("/logout");
      await guest.stranger(`${app.cookieName}=x`).post("/logout");
      assert.deepEqual(await app.rows(), [], "the logout of nobody left a row");
    },
  },
  {
    number: 10,
    name: "the store itself serves nothing that has expired",
    async run(start) {
      const app = await start({ idle: 60_000 });
      const guest = await visited(app);
      assert.equal(await app.isServed(guest.id), true);
      await app.elapse(59_000);
      assert.equal(await app.isServed(guest.id), true);
      await app.elapse(1_001);
      assert.equal(await app.isServed(guest.id), false);
    },
  },
  {
    number: 11,
    name: "a change of password ends the user's other sessions, those of requests under way too (CVE-2026-22706)",
    async run(start) {
      const stop = new Stop();
      const app = await start({ routes: slow(stop, ({ session }) => session.set("late", true)) });
      const endAll = offered(app.endAll, "way to end a user's sessions");
      const [owner, thief, neighbour] = [await loggedIn(app), await loggedIn(app), await loggedIn(app, "bob")];
      const call = thief.start("/slow");
      await stop.reached;
      assert.equal(await endAll("ada", owner.id.split(".")[0]), 1);
      stop.go();
      const late = thief.copy();
      await thief.finish(call);
      assert.deepEqual(
        [await userOf(owner), await userOf(late), await userOf(thief), await userOf(neighbour)],
        ["ada", "nobody", "nobody", "bob"],
      );
    },
  },
];
