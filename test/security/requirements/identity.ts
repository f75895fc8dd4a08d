import assert from "node:assert/strict";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { dataOf, loggedIn, userOf, visited } from "../attacks/fixation.ts";
import { offered, type Probe, type Routes } from "../target.ts";

const MINUTE = 60_000;

/** What handlers guard, and how a user passes. */
const guarded: Routes = {
  "POST /email": ({ session }) => {
    offered(session.requireFresh, "way to ask for a fresh login")(5 * MINUTE);
    session.set("email", "changed");
    return { body: "changed" };
  },
  "POST /password": async ({ session }) => {
    await offered(session.reauthenticate, "way to log in again within a session")();
    return { body: "welcome back" };
  },
};

export const identity: readonly Probe[] = [
  {
    number: 1,
    name: "ids are 128 random bits or more of a CSPRNG, whose failure is an error (ASVS 7.2.3, 11.5.1)",
    async run(start, target) {
      const app = await start();
      const secret = target.secretOf((await visited(app)).id);
      assert.ok(secret.length * 6 >= 128, `${secret.length} characters of base64url`);
      const { randomBytes } = crypto;
      const broken = (() => {
        throw new Error("no entropy");
      }) as unknown as typeof randomBytes;
      crypto.randomBytes = broken;
      syncBuiltinESMExports();
      try {
        const { status, cookies } = await app.visitor().post("/a");
        assert.ok(status >= 500, `status ${status}`);
        assert.deepEqual(cookies, []);
      } finally {
        crypto.randomBytes = randomBytes;
        syncBuiltinESMExports();
      }
    },
  },
  {
    number: 2,
    name: "a login gives a new id, carries the data over, and kills the old id (ASVS 7.2.4)",
    async run(start) {
      const guest = await visited(await start());
      const before = guest.copy();
      await guest.post("/login");
      assert.notEqual(guest.id, before.id);
      assert.equal(await userOf(guest), "ada");
      assert.equal(await userOf(before), "nobody");
      assert.deepEqual(await dataOf(guest), { a: 1 }, "the data from before the login is lost");
    },
  },
  {
    number: 3,
    name: "no id of the client's is adopted, and a malformed one never reaches the store (OWASP Session Management)",
    async run(start, target) {
      const app = await start();
      const malformed = app.visitor().stranger(`${app.cookieName}=../../1`);
      await malformed.post("/a");
      assert.deepEqual(app.asked, []);
      const unknown = app.visitor().stranger(`${app.cookieName}=${encodeURIComponent(target.forgedId())}`);
      await unknown.post("/a");
      assert.notEqual(unknown.id, target.forgedId());
      assert.notEqual(unknown.id, "");
    },
  },
  {
    number: 4,
    name: "a session that goes unused ends on the server, by default, and use keeps it (ASVS 7.3.1)",
    async run(start) {
      const app = await start();
      const guest = await loggedIn(app);
      for (let i = 0; i < 3; i++) {
        await app.elapse(20 * MINUTE);
        assert.equal(await userOf(guest), "ada");
      }
      await app.elapse(31 * MINUTE);
      assert.equal(await userOf(guest), "nobody", "an unused session lives on");
    },
  },
  {
    number: 5,
    name: "a session ends however much it is used (ASVS 7.3.2)",
    async run(start) {
      const app = await start({ absolute: 120 * MINUTE });
      const guest = await loggedIn(app);
      for (let i = 0; i < 5; i++) {
        await app.elapse(20 * MINUTE);
        assert.equal(await userOf(guest), "ada");
      }
      await app.elapse(20 * MINUTE);
      assert.equal(await userOf(guest), "nobody");
    },
  },
  {
    number: 6,
    name: "who logs in again starts both timeouts anew (NIST SP 800-63B-4 5.2)",
    async run(start) {
      const app = await start({ absolute: 60 * MINUTE, routes: guarded });
      const guest = await loggedIn(app);
      await app.elapse(25 * MINUTE);
      await guest.get("/user");
      await app.elapse(25 * MINUTE);
      const before = guest.copy();
      assert.equal((await guest.post("/password")).status, 200);
      assert.equal(await userOf(before), "nobody");
      for (const user of ["ada", "ada", "nobody"]) {
        await app.elapse(25 * MINUTE);
        assert.equal(await userOf(guest), user);
      }
    },
  },
  {
    number: 8,
    name: "all sessions of a user end at once, or all but one, and one from outside (ASVS 7.4.2, 7.4.3, 7.4.5)",
    async run(start) {
      const app = await start();
      const endAll = offered(app.endAll, "way to end a user's sessions");
      const guests = [await loggedIn(app), await loggedIn(app), await loggedIn(app), await loggedIn(app, "bob")];
      const users = () => Promise.all(guests.map((guest) => userOf(guest.copy())));
      const [own, other] = guests.map(({ id }) => id.split(".")[0]!);
      assert.equal(await app.end!(other!), true);
      assert.deepEqual(await users(), ["ada", "nobody", "ada", "bob"]);
      assert.equal(await endAll("ada", own), 1);
      assert.deepEqual(await users(), ["ada", "nobody", "nobody", "bob"]);
      assert.equal(await endAll("ada"), 1);
      assert.deepEqual(await users(), ["nobody", "nobody", "nobody", "bob"]);
    },
  },
  {
    number: 9,
    name: "users see their sessions, by names that open nothing, and end their own alone (ASVS 7.5.2)",
    async run(start, target) {
      const app = await start();
      const list = offered(app.list, "list of a user's sessions");
      const [one, two, bob] = [await loggedIn(app), await loggedIn(app), await loggedIn(app, "bob")];
      const seen = (await list("ada")) as { handle: string; createdAt: number; touchedAt: number }[];
      assert.equal(seen.length, 2);
      const shown = JSON.stringify(seen);
      for (const { id } of [one, two, bob]) assert.ok(!shown.includes(target.secretOf(id)));
      for (const { handle } of seen) assert.equal(await userOf(one.stranger(`${app.cookieName}=${handle}`)), "nobody");
      const bobs = bob.id.split(".")[0]!;
      assert.equal(await app.end!(bobs, { userId: "ada" }), false);
      assert.equal(await app.end!(two.id.split(".")[0]!, { userId: "ada" }), true);
      assert.deepEqual([await userOf(one), await userOf(two), await userOf(bob)], ["ada", "nobody", "bob"]);
    },
  },
  {
    number: 10,
    name: "a user has so many sessions and no more: the oldest ends, or the login is refused (ASVS 7.1.2)",
    async run(start) {
      const app = await start({ maxPerUser: { sessions: 2, beyond: "evict-oldest" } });
      const guests = [];
      for (let i = 0; i < 3; i++) {
        guests.push(await loggedIn(app));
        await app.elapse(1_000);
      }
      const users = await Promise.all(guests.map((guest) => userOf(guest)));
      assert.deepEqual(users, ["nobody", "ada", "ada"]);

      const strict = await start({ maxPerUser: { sessions: 1, beyond: "refuse" } });
      const first = await loggedIn(strict);
      const second = strict.visitor();
      assert.equal((await second.post("/login")).status, 409);
      assert.deepEqual([await userOf(first), await userOf(second)], ["ada", "nobody"]);
    },
  },
  {
    number: 11,
    name: "what is grave takes a fresh login (ASVS 7.5.1, 7.5.3)",
    async run(start) {
      const app = await start({ routes: guarded });
      const guest = await loggedIn(app);
      assert.equal((await guest.post("/email")).status, 200);
      await app.elapse(6 * MINUTE);
      assert.equal((await guest.post("/email")).status, 401);
      await guest.post("/password");
      assert.equal((await guest.post("/email")).status, 200);
      assert.equal((await (await visited(app)).post("/email")).status, 401);
    },
  },
];
