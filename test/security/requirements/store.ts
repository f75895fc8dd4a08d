import assert from "node:assert/strict";
import { barrier } from "holdfast/testing";
import { endedUnder } from "../attacks/endings.ts";
import { dataOf, loggedIn, visited } from "../attacks/fixation.ts";
import { offered, type Probe } from "../target.ts";

const MINUTE = 60_000;

export const store: readonly Probe[] = [
  {
    number: 7,
    name: "termination is final (ASVS 7.4.1)",
    run: (start) => endedUnder(start, 30 * MINUTE, async ({ guest }) => void (await guest.copy().post("/logout"))),
  },
  {
    number: 16,
    name: "the id is in no URL, log, error or row (ASVS 14.2.1, 16.2.5)",
    async run(start) {
      const app = await start({
        routes: {
          "POST /log": ({ session }) => {
            console.log(session.shown());
            throw new Error(session.shown());
          },
        },
      });
      const guest = await visited(app);
      for (const path of ["/login", "/log", "/rotate", "/log"]) await guest.post(path);
      for (const row of await app.rows()) app.scan.heard("row", row);
      assert.ok(app.scan.secrets.size >= 3 && app.scan.texts.length > 10);
      assert.deepEqual(app.scan.found(), [], "an id was found");
    },
  },
  {
    number: 21,
    name: "visitors without data take no row of the store (OWASP Session Management)",
    async run(start) {
      const app = await start();
      for (let i = 0; i < 50; i++) await app.visitor().get(["/plain", "/data", "/user"][i % 3]!);
      assert.equal((await app.rows()).length, 0, "visitors without data have rows");
    },
  },
  {
    number: 22,
    name: "no client reads success where the store failed: to read or to write (ASVS 16.5.3)",
    async run(start) {
      const app = await start();
      const guest = await visited(app);
      app.breakStore("write");
      assert.ok((await guest.post("/b")).status >= 500, "a failed write is a success to the client");
      const stranger = app.visitor();
      const answer = await stranger.post("/b");
      assert.ok(answer.status >= 500, "a failed beginning is a success to the client");
      assert.deepEqual(answer.cookies, []);
      app.breakStore("read");
      assert.ok((await guest.get("/data")).status >= 500, "a failed read is a success to the client");
    },
  },
  {
    number: 23,
    name: "no update is lost: entries merge, and update() is a compare-and-set (ASVS 2.3.3)",
    async run(start) {
      const bothHaveRead = barrier(2);
      const app = await start({
        routes: {
          "POST /tea": async ({ session }) => {
            session.all();
            await bothHaveRead.arrive();
            session.set("tea", 1);
            return {};
          },
          "POST /milk": async ({ session }) => {
            session.all();
            await bothHaveRead.arrive();
            session.set("milk", 1);
            return {};
          },
          "POST /count": async ({ session }) => {
            await offered(session.update, "atomic update")("n", (n = 0) => (n as number) + 1);
            return {};
          },
        },
      });
      const guest = await loggedIn(app);
      const [tea, milk] = [guest.start("/tea"), guest.start("/milk")];
      await Promise.all([guest.finish(tea), guest.finish(milk)]);
      assert.deepEqual(await dataOf(guest), { tea: 1, milk: 1 }, "one of two updates is lost");
      await Promise.all(Array.from({ length: 8 }, () => guest.finish(guest.start("/count"))));
      assert.deepEqual(await dataOf(guest), { tea: 1, milk: 1, n: 8 });
    },
  },
  {
    number: 26,
    name: "what happens to sessions is told, without their ids (OWASP Session Management)",
    async run(start, target) {
      offered((await start()).events, "event of a session's life");
      const app = await start({ maxPerUser: { sessions: 2, beyond: "evict-oldest" } });
      const events = app.events!;
      const guest = await visited(app);
      const ids = [guest.id];
      await guest.post("/login");
      ids.push(guest.id);
      const replaced = guest.stranger(`${app.cookieName}=${ids[0]}`);
      await replaced.get("/user");
      await replaced.stranger(`${app.cookieName}=x`).get("/user");
      await guest.copy().post("/logout");
      await loggedIn(app);
      await app.elapse(MINUTE);
      await loggedIn(app);
      const other = await loggedIn(app);
      await app.elapse(29 * MINUTE);
      await other.get("/user");
      await app.endAll!("ada");
      const last = await loggedIn(app);
      await app.elapse(2 * MINUTE);
      const stricter = await start({ after: app, idle: MINUTE });
      await stricter.visitor().stranger(last.cookie).get("/user");
      assert.ok(stricter.events!.some(({ name }) => name === "expired"));
      app.breakStore("read");
      await last.get("/user");
      const names = new Set(events.map(({ name }) => name));
      const all = ["created", "loaded", "rotated", "rejected", "destroyed", "revoked", "evicted", "storeError"];
      for (const name of all) {
        assert.ok(names.has(name), `no event ${name}`);
      }
      const told = JSON.stringify(events);
      for (const id of ids) assert.ok(!told.includes(target.secretOf(id)));
    },
  },
];
