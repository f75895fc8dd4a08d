import assert from "node:assert/strict";
import type { CookieOptions } from "holdfast";
import { loggedIn, userOf } from "../attacks/fixation.ts";
import type { Probe, Routes, Start } from "../target.ts";

const HTTPS = { "x-forwarded-proto": "https" };

/** The first cookie of a visitor who came by https. */
async function cookieBy(
  start: Start,
  cookie?: CookieOptions,
  headers: Record<string, string> = HTTPS,
): Promise<string> {
  const app = await start({ behindProxy: true, ...(cookie && { cookie }) });
  return (await app.visitor().post("/a", headers)).cookies[0] ?? "";
}

/** That a browser would drop the cookie without a word must be an error where the app begins. */
async function refused(start: Start, cookie: CookieOptions, why: string): Promise<void> {
  await assert.rejects(
    start({ behindProxy: true, cookie }),
    `${JSON.stringify(cookie).slice(0, 60)} was taken: ${why}`,
  );
}

const attributesOf = (cookie: string): string[] =>
  cookie
    .split("; ")
    .slice(1)
    .filter((attribute) => !/^(max-age|expires)=/i.test(attribute))
    .sort();

export const cookie: readonly Probe[] = [
  {
    number: 12,
    name: "on https the cookie is Secure and has the __Host- prefix; a prefix's rule that is broken throws (ASVS 3.3.1, 3.3.3)",
    async run(start) {
      const sent = await cookieBy(start);
      assert.match(sent, /; Secure(;|$)/, "not Secure");
      assert.match(sent, /^__Host-/);
      assert.match(sent, /; Path=\/(;|$)/);
      assert.doesNotMatch(sent, /; Domain=/i);
      const secure = true;
      await refused(start, { name: "__Host-x", secure, domain: "a.test" }, "a __Host- cookie has no domain");
      await refused(start, { name: "__host-x", secure, path: "/a" }, "a __Host- cookie has the path /");
      await refused(start, { name: "__Secure-x", secure: false }, "it must be Secure");
    },
  },
  {
    number: 13,
    name: "SameSite is always said, Lax by default; None demands Secure (ASVS 3.3.2)",
    async run(start) {
      assert.match(await cookieBy(start), /; SameSite=Lax(;|$)/, "no SameSite");
      assert.match(await cookieBy(start, { sameSite: "strict" }), /; SameSite=Strict(;|$)/);
      await refused(start, { sameSite: "none" }, "browsers drop it without Secure");
    },
  },
  {
    number: 14,
    name: "no script reads the cookie: it is HttpOnly (ASVS 3.3.4)",
    async run(start) {
      for (const headers of [HTTPS, {}]) assert.match(await cookieBy(start, {}, headers), /; HttpOnly(;|$)/);
    },
  },
  {
    number: 15,
    name: "name and value have at most 4096 octets, an attribute 1024, the lifetime 400 days (ASVS 3.3.5)",
    async run(start) {
      await refused(start, { name: "n".repeat(4000) }, "browsers drop it");
      await refused(start, { path: `/${"p".repeat(1024)}` }, "browsers ignore the path");
      await refused(start, { domain: `${"d.".repeat(600)}test` }, "browsers ignore the domain");
      const app = await start({ lifetime: 500 * 86_400_000, cookie: { persistent: true } });
      const [cookie = ""] = (await app.visitor().post("/a")).cookies;
      const maxAge = /max-age=(\d+)/i.exec(cookie)?.[1];
      const expires = /expires=([^;]+)/i.exec(cookie)?.[1];
      const seconds = maxAge ? Number(maxAge) : (Date.parse(expires ?? "") - Date.now()) / 1000;
      assert.ok(seconds > 0 && seconds <= 400 * 86_400, `a lifetime of ${Math.round(seconds / 86_400)} days`);
    },
  },
  {
    number: 17,
    name: "a response with the cookie is not stored, one that read the session varies by it, others do neither (ASVS 14.3.2)",
    async run(start) {
      const app = await start();
      const guest = app.visitor();
      assert.match((await guest.post("/a")).get("cache-control") ?? "", /no-store/, "the cookie may be cached");
      assert.match((await guest.get("/user")).get("vary") ?? "", /\bcookie\b/i, "a visitor's page may be cached");
      const { get } = await app.visitor().get("/plain");
      assert.deepEqual([get("cache-control"), get("vary")], [undefined, undefined]);
    },
  },
  {
    number: 18,
    name: "a logout takes the cookie back, by the attributes it was given with, and clears the site if so wanted (ASVS 14.3.1)",
    async run(start) {
      const options: CookieOptions = { domain: "shop.test", path: "/shop", sameSite: "strict" };
      const routes: Routes = {
        "POST /shop/a": ({ session }) => {
          session.set("a", 1);
          return {};
        },
        "POST /shop/logout": async ({ session }) => {
          await session.logout();
          return {};
        },
      };
      for (const cookie of [{}, options]) {
        const guest = (await start({ cookie, routes })).visitor();
        const [given] = (await guest.post("/shop/a")).cookies;
        const [back] = (await guest.post("/shop/logout")).cookies;
        assert.ok(back, "the cookie stays");
        assert.match(back, /=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
        assert.deepEqual(attributesOf(back), attributesOf(given!));
      }
      const app = await start({ clearSiteData: true, behindProxy: true });
      const guest = app.visitor();
      await guest.post("/a", HTTPS);
      assert.match((await guest.post("/logout", HTTPS)).get("clear-site-data") ?? "", /"cookies"|"\*"/);
    },
  },
  {
    number: 19,
    name: "the cookie's value tells nothing of user or data (OWASP Session Management)",
    async run(start) {
      const app = await start();
      const user = "ada.lovelace@example.test";
      const [one, two] = [await loggedIn(app, user), await loggedIn(app, user)];
      for (const { id } of [one, two]) {
        const forms = [id, ...(["base64url", "hex"] as const).map((form) => Buffer.from(id, form).toString("latin1"))];
        for (const form of forms) assert.ok(!/lovelace|example|user/i.test(form), "the cookie tells of the user");
      }
      let common = 0;
      while (one.id[common] === two.id[common]) common++;
      assert.ok(common < 6, "two ids of one user begin alike");
    },
  },
  {
    number: 20,
    name: "a forged or stale cookie does not hide the good one, and few are tried (RFC 6265bis 5.7.3)",
    async run(start, target) {
      const app = await start();
      const guest = await loggedIn(app);
      const forged = `${app.cookieName}=${encodeURIComponent(target.forgedId())}`;
      for (const cookie of [
        `${forged}; ${guest.cookie}`,
        `${guest.cookie}; ${forged}`,
        `${app.cookieName}=x; ${guest.cookie}`,
      ]) {
        assert.equal(await userOf(guest.stranger(cookie)), "ada", "the good cookie was hidden");
      }
      const before = app.asked.length;
      const many = Array.from(
        { length: 50 },
        (_, i) => `${app.cookieName}=${String(i).padStart(22, "h")}.${"s".repeat(43)}`,
      );
      await userOf(guest.stranger(many.join("; ")));
      assert.ok(app.asked.length - before <= 5, `${app.asked.length - before} look-ups`);
    },
  },
  {
    number: 24,
    name: "a cookie for /admin does not go out at /administrator, where it would replace the one for /admin (RFC 6265bis 5.1.4)",
    async run(start) {
      const app = await start({
        cookie: { path: "/admin" },
        routes: {
          "POST /admin": ({ session }) => {
            session.set("a", 1);
            return { body: "admin" };
          },
          "POST /administrator": ({ session }) => {
            session?.set("a", 2);
            return { body: "administrator" };
          },
        },
      });
      assert.equal((await app.visitor().post("/admin")).cookies.length, 1);
      const { cookies } = await app.visitor().post("/administrator");
      assert.deepEqual(cookies, [], "/administrator replaces the cookie of /admin");
    },
  },
  {
    number: 25,
    name: "a Secure cookie over plain http is told of aloud, with the fix; a proxy is believed where it is trusted (ASVS 3.3.1)",
    async run(start) {
      const app = await start({ cookie: { secure: true } });
      await app.visitor().post("/a", { host: "shop.test" });
      const told = app.scan.texts.filter(
        ({ kind, text }) => kind === "log" && /https/.test(text) && /trustProxy/.test(text),
      );
      assert.equal(told.length, 1, "nobody was told");
      const untrusting = await start();
      const [cookie = ""] = (await untrusting.visitor().post("/a", HTTPS)).cookies;
      assert.doesNotMatch(cookie, /Secure|__Host-/);
    },
  },
  {
    number: 27,
    name: "Partitioned demands Secure (CHIPS)",
    async run(start) {
      await refused(start, { partitioned: true, secure: false }, "browsers drop it without Secure");
      assert.match(await cookieBy(start, { partitioned: true, secure: true }), /; Secure; .*Partitioned/);
    },
  },
];
