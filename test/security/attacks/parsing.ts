import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { CookieOptions } from "holdfast";
import type { Guest } from "../guest.ts";
import { offered, type Probe, type Routes } from "../target.ts";
import { dataOf, loggedIn, userOf, visited } from "./fixation.ts";

/** The attributes that may leave. A comma in a path separates nothing. */
const KNOWN = /^(Path=\/.*|HttpOnly|SameSite=(Lax|Strict)|Expires=[\w ,:]+|Max-Age=\d+)$/;

const KEYS = ["first key, of random bytes: 3kq9Zx", "second key, of random bytes: v8Lm2P"];

/** Its cookie with the id bent so. */
const bent = (guest: Guest, name: string, bend: (id: string) => string): Guest =>
  guest.stranger(`${name}=${encodeURIComponent(bend(guest.id))}`);

/** What the server answers to this Cookie header, sent byte by byte: Node's client would write it in UTF-8. */
async function pageBy(url: string, cookie: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /user HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`, "latin1");
  return text(socket);
}

/** Characters of base64url carry six bits each. */
const bitsOf = (secret: string): number => secret.length * 6;

export const parsing: readonly Probe[] = [
  {
    number: 13,
    name: "an entry that can't be decrypted rejects its session, and is never read as plain text (CVE-2026-39324)",
    async run(start) {
      const app = await start({ keys: KEYS });
      const entryAtRest = offered(app.entryAtRest, "encryption at rest");
      const sealed = await entryAtRest((await visited(app)).id, "a");
      const flipped = sealed.slice(0, -2) + (sealed.endsWith("A") ? "B" : "A") + sealed.slice(-1);
      for (const text of ['"admin"', "1", "", "~1", "~1..", sealed, flipped, sealed.slice(0, -1), `${sealed}A`]) {
        const guest = await loggedIn(app);
        await guest.post("/a");
        await entryAtRest(guest.id, "a", text);
        const answer = await guest.copy().get("/data");
        assert.deepEqual([answer.status, answer.text], [200, "{}"], `it took ${text}`);
        assert.equal(await userOf(guest), "nobody");
      }
      assert.ok(app.events!.some(({ event }) => "reason" in event && event.reason === "corrupt"));
    },
  },
  {
    number: 14,
    name: "keys rotate; a truncated id, an empty secret, and a text moved elsewhere are refused",
    async run(start, target) {
      const app = await start();
      const guest = await loggedIn(app);
      for (let cut = 1; cut <= guest.id.length; cut++) {
        assert.equal(await userOf(bent(guest, app.cookieName, (id) => id.slice(0, -cut))), "nobody", `cut by ${cut}`);
      }
      assert.equal(await userOf(bent(guest, app.cookieName, (id) => `${id}A`)), "nobody");
      await assert.rejects(target.startWeak(), "an empty secret was accepted");

      const old = await start({ keys: [KEYS[0]!] });
      const [one, two] = [await loggedIn(old), await loggedIn(old, "bob")];
      await one.post("/a");
      await two.post("/a");
      const read = async (keys: string[], cookie: string) =>
        dataOf((await start({ after: old, keys })).visitor().stranger(cookie));
      assert.deepEqual(await read([KEYS[1]!], one.cookie), {});
      assert.deepEqual(await read([KEYS[1]!, KEYS[0]!], one.cookie), { a: 1 });
      // No request waits for it to go over.
      for (let tries = 1; !("a" in ((await read([KEYS[1]!], one.cookie)) as object)); tries++) {
        assert.ok(tries < 100, "a session in use needs the old key");
      }
      const entryAtRest = old.entryAtRest!;
      await entryAtRest(two.id, "b", await entryAtRest(two.id, "a"));
      assert.deepEqual(await read([KEYS[0]!], two.cookie), {}, "a text serves another entry");
      const three = await loggedIn(old, "carl");
      await entryAtRest(three.id, "a", await entryAtRest(two.id, "a"));
      assert.deepEqual(await read([KEYS[0]!], three.cookie), {}, "a text serves another session");
    },
  },
  {
    number: 15,
    name: "the store is never asked by what proves an id, so its timing tells nothing of it (CVE-2019-16782)",
    async run(start, target) {
      const app = await start();
      const guest = await loggedIn(app);
      const before = app.asked.length;
      const { id } = guest;
      const guesses = [...Array(id.length).keys()].map(
        (at) => id.slice(0, at) + (id[at] === "x" ? "y" : "x") + id.slice(at + 1),
      );
      for (const guess of guesses) assert.equal(await userOf(bent(guest, app.cookieName, () => guess)), "nobody");
      const secret = target.secretOf(id);
      const askedOf = app.asked.slice(before).filter((key) => key.includes(secret.slice(0, 8)));
      assert.deepEqual(askedOf, []);
      assert.equal(await userOf(guest), "ada");
    },
  },
  {
    number: 16,
    name: "ids hold 128 random bits or more, whatever Math.random and the clock say (CVE-2026-3256)",
    async run(start, target) {
      const app = await start();
      const { random } = Math;
      const { now } = Date;
      Math.random = () => 0.5;
      const time = now();
      Date.now = () => time;
      const secrets: string[] = [];
      try {
        for (let i = 0; i < 64; i++) secrets.push(target.secretOf((await visited(app)).id));
      } finally {
        Math.random = random;
        Date.now = now;
      }
      assert.equal(new Set(secrets).size, secrets.length);
      for (const [at] of [...secrets[0]!].entries()) {
        const different = new Set(secrets.map((secret) => secret[at])).size;
        // The last character of 256 bits holds four of them.
        assert.ok(different >= 8, `the character ${at} of the id takes ${different} values in 64 ids`);
      }
      assert.ok(bitsOf(secrets[0]!) >= 128);
    },
  },
  {
    number: 17,
    name: "nothing gets into Set-Cookie by name, path, domain, sameSite or priority (CVE-2024-47764, CVE-2026-47675)",
    async run(start) {
      const injections = [
        "x; Domain=evil.test",
        "x;Domain=evil.test",
        "x\r\nX-Evil: 1",
        "x=1; HttpOnly=no",
        "x, evil=1",
        'x"; evil',
        "x\0",
        "lax; evil=1",
      ];
      const options = ["name", "path", "domain", "sameSite", "priority"] as const;
      for (const option of options) {
        for (const text of injections) {
          const value = option === "path" ? `/${text}` : text;
          // Outside of its path no cookie would come; no request can name one with a blank in it.
          const page = option === "path" && /^[!-~]+$/.test(value) ? value : "/a";
          const routes: Routes = {
            [`POST ${page}`]: ({ session }) => {
              session.set("a", 1);
              return {};
            },
          };
          const app = await start({ cookie: { [option]: value } as CookieOptions, routes }).catch(() => undefined);
          if (!app) continue;
          const { cookies, get } = await app.visitor().post(page);
          const said = `${option} ${JSON.stringify(text)}`;
          assert.equal(get("x-evil"), undefined, `${said} became a header`);
          for (const cookie of cookies) {
            const [pair, ...attributes] = cookie.split(";").map((each) => each.trim());
            assert.doesNotMatch(pair!, /[\s,"]/, `${said} became a cookie`);
            for (const attribute of attributes) assert.match(attribute, KNOWN, `${said} became an attribute`);
          }
        }
      }
    },
  },
  {
    number: 18,
    name: "only space and tab are trimmed from a cookie's name, and no other name is taken for it (CVE-2026-39410)",
    async run(start) {
      const app = await start();
      const { cookieName: name } = app;
      const guest = await loggedIn(app);
      const pair = guest.cookie;
      const value = pair.slice(pair.indexOf("=") + 1);
      for (const cookie of [` \t${pair}`, `a=1; \t${pair}\t `, `a=1;${name} = ${value}`, `;;${pair};;`]) {
        assert.match(await pageBy(app.url, cookie), /\bada\b/, `${JSON.stringify(cookie)} is the cookie`);
      }
      const others = ["\u00a0", "\u00a0 ", "\u000b", "\u000c", "\u0085", "$", "=", "x", "."].map(
        (prefix) => prefix + pair,
      );
      const variants = [
        `${name.toUpperCase()}=${value}`,
        `=${value}`,
        value,
        `${name}\u00a0=${value}`,
        `__Host-${pair}`,
      ];
      for (const cookie of [...others, ...variants, `a="; ${pair.replace(name, `${name}x`)}"`]) {
        const page = await pageBy(app.url, cookie);
        assert.match(page, /^HTTP\/1\.1 (200 .*\bnobody\b|400 )/s, `${JSON.stringify(cookie)} is another cookie`);
      }
    },
  },
  {
    number: 19,
    name: "__proto__ is an entry like any other, quotes are no id, and parsing takes linear time (CVE-2024-7592)",
    async run(start) {
      const app = await start({
        routes: {
          "POST /set": async ({ session, body }) => {
            const [name, value] = JSON.parse(await body()) as [string, unknown];
            session.set(name, value);
            return { body: "set" };
          },
          "POST /get": async ({ session, body }) => ({ body: JSON.stringify(session.get(await body()) ?? null) }),
        },
      });
      const guest = await visited(app);
      for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
        const value = { polluted: name };
        assert.equal((await guest.send("/set", JSON.stringify([name, value]))).status, 200, `setting ${name}`);
        assert.equal(({} as { polluted?: string }).polluted, undefined);
        assert.deepEqual(JSON.parse((await guest.send("/get", name)).text), value, `${name} was not kept`);
      }
      assert.equal((await guest.get("/data")).status, 200);

      const long = 15_000;
      const heavy = [
        `${app.cookieName}="${"\\".repeat(long)}"`,
        `${app.cookieName}=;`.repeat(long / 15),
        `a=${" ".repeat(long)}`,
        "=".repeat(long),
        ";".repeat(long),
        `${app.cookieName} `.repeat(long / 15),
      ];
      for (const cookie of heavy) {
        const begin = performance.now();
        const { status } = await guest.stranger(cookie).get("/user");
        assert.ok(status === 200 || status === 431, `status ${status}`);
        assert.ok(performance.now() - begin < 2_000, "a header of 15 kB took seconds");
      }
      const value = guest.cookie.slice(guest.cookie.indexOf("=") + 1);
      await guest.stranger(`${app.cookieName}="${value}`).get("/user");
      assert.equal((await guest.get("/user")).status, 200);
    },
  },
  {
    number: 20,
    name: "an id that is a path, SQL, a pattern or an object never reaches the store (CVE-2025-61686)",
    async run(start) {
      const app = await start();
      await loggedIn(app);
      const inputs = [
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "' OR '1'='1",
        "x'; DROP TABLE holdfast_sessions; --",
        '{"$ne":null}',
        "[object Object]",
        "*",
        "user:ada",
        "__proto__",
        "constructor",
        "true",
        `${"*".repeat(22)}.${"*".repeat(43)}`,
        `${"../".repeat(7)}x.${"s".repeat(43)}`,
        "s:../../x.signature",
        'j:{"a":1}',
        `${"h".repeat(22)}.${"s".repeat(43)} x`,
      ];
      const before = app.asked.length;
      for (const input of inputs) {
        for (const value of [input.replaceAll(";", "%3B"), encodeURIComponent(input)]) {
          const { status, text } = await app.visitor().stranger(`${app.cookieName}=${value}`).get("/user");
          assert.deepEqual([status, text], [200, "nobody"], value);
        }
      }
      assert.deepEqual(app.asked.slice(before), []);
    },
  },
  {
    number: 21,
    name: "who knows a session's public name, but not its secret, can't end or lock it",
    async run(start, target) {
      const app = await start();
      const guest = await loggedIn(app);
      const secret = target.secretOf(guest.id);
      // What names the session stays; what proves it is another's: the secret, or the signature behind it.
      const forged = (id: string): string =>
        id.endsWith(secret) ? id.slice(0, -secret.length) + "s".repeat(secret.length) : `${id.slice(0, -4)}xxxx`;
      for (const path of ["/logout", "/login", "/rotate", "/a"]) {
        const forger = bent(guest, app.cookieName, forged);
        await forger.post(path);
        assert.equal(await userOf(guest), "ada", `ended by ${path}`);
      }
    },
  },
];
