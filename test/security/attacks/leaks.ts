import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Probe } from "../target.ts";
import { visited } from "./fixation.ts";

export const leaks: readonly Probe[] = [
  {
    number: 22,
    name: "no cache keeps a cookie or a visitor's page: no-store and Vary are there (CVE-2023-30861, CVE-2026-27205)",
    async run(start) {
      const app = await start({
        routes: {
          "GET /picture": ({ session }) => {
            session.set("seen", true);
            return { headers: { "cache-control": "public, max-age=86400" } };
          },
        },
      });
      const picture = await app.visitor().get("/picture");
      assert.equal(picture.cookies.length, 1);
      assert.match(picture.get("cache-control") ?? "", /no-store/, "the cookie may be cached with a public file");
      const guest = app.visitor();
      const first = await guest.post("/a");
      assert.equal(first.cookies.length, 1);
      assert.match(first.get("cache-control") ?? "", /no-store/, "the cookie may be cached");
      for (const visitor of [guest, app.visitor()]) {
        const { get } = await visitor.get("/user");
        assert.match(get("vary") ?? "", /\bcookie\b/i, "the page of a visitor doesn't vary");
      }
    },
  },
  {
    number: 23,
    name: "visitors without data cost no row, at the logout neither (CVE-2015-5143, CVE-2015-5963)",
    async run(start, target) {
      const app = await start();
      const forged = `${app.cookieName}=${encodeURIComponent(target.forgedId())}`;
      for (let i = 0; i < 10; i++) {
        for (const cookie of ["", forged, `${app.cookieName}=x`]) {
          const stranger = app.visitor().stranger(cookie);
          await stranger.stranger(cookie).get("/plain");
          await stranger.stranger(cookie).get("/user");
          await stranger.stranger(cookie).post("/logout");
        }
      }
      assert.equal((await app.rows()).length, 0, "visitors without data have rows");
    },
  },
  {
    number: 24,
    name: "no id gets into logs, errors, events, pages or what shows a session (CVE-2023-20866)",
    async run(start) {
      const app = await start({
        routes: {
          "POST /log": ({ session }) => {
            console.log(session.shown());
            return { body: session.shown() };
          },
          "POST /throw": ({ session }) => {
            throw new Error(`It went wrong with ${session.shown()}`);
          },
        },
      });
      const guest = await visited(app);
      for (const path of ["/log", "/throw", "/login", "/log", "/rotate", "/log"]) await guest.post(path);
      const old = guest.copy();
      await guest.post("/login");
      await old.post("/log");
      app.breakStore("write");
      await guest.post("/b");
      await guest.post("/logout");
      app.breakStore("read");
      await guest.post("/log");
      await setImmediate();
      assert.ok(
        app.errors.length > 0 && app.scan.secrets.size > 2 && app.scan.texts.some(({ kind }) => kind === "log"),
      );
      assert.deepEqual(app.scan.found(), []);
    },
  },
  {
    number: 25,
    name: "headers that a handler writes as an array leave beside the cookie (CVE-2025-7339)",
    async run(start) {
      const heads = [
        ["Content-Type", "text/plain", "Set-Cookie", "own=1", "X-Own", "1"],
        [
          ["Content-Type", "text/plain"],
          ["Set-Cookie", "own=1"],
          ["X-Own", "1"],
        ],
        { "Content-Type": "text/plain", "Set-Cookie": ["own=1"], "X-Own": "1" },
      ];
      for (const head of heads) {
        const app = await start({
          raw(session, response) {
            session.set("a", 1);
            response.writeHead(200, head as string[]).end("x");
          },
        });
        const answer = await app.visitor().get("/");
        const names = answer.cookies.map((cookie) => cookie.split("=", 1)[0]).sort();
        assert.deepEqual(names, ["own", app.cookieName].sort());
        assert.deepEqual([answer.status, answer.get("x-own"), answer.get("content-type")], [200, "1", "text/plain"]);
      }
    },
  },
];
