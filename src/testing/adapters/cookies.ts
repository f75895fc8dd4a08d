import assert from "node:assert/strict";
import { type Cases, cookieName, redirect, returning, send, text, type World } from "./fixtures.ts";

/** The attributes of a Set-Cookie, without what says how long the browser keeps it. */
function attributes(cookie: string): string[] {
  return cookie
    .split("; ")
    .slice(1)
    .filter((attribute) => !/^(max-age|expires)=/i.test(attribute))
    .sort();
}

const varies = (vary: string | undefined): string[] => (vary ? vary.split(/\s*,\s*/).sort() : []);

/** A well-formed id that nobody was given. */
const forged = `${"h".repeat(22)}.${"s".repeat(43)}`;

/** Runs the body, and answers what was warned of meanwhile. */
async function warnings(body: () => Promise<void>): Promise<string[]> {
  const { warn } = console;
  const warned: string[] = [];
  console.warn = (message: unknown) => void warned.push(String(message));
  try {
    await body();
  } finally {
    console.warn = warn;
  }
  return warned;
}

const sidOf = (cookie: string): string => cookie.slice(cookie.indexOf("=") + 1);

export const cookies: Cases = {
  async "with clearSiteData, a logout alone cleans the browser"(start) {
    const world = await start({}, { clearSiteData: true });
    const visitor = await returning(world);
    assert.equal((await visitor.post("/b")).get("clear-site-data"), undefined);
    assert.equal((await visitor.post("/logout")).get("clear-site-data"), '"cache", "cookies", "storage"');
    assert.equal((await visitor.get("/plain")).get("clear-site-data"), undefined);
  },

  async "with deviceBound, a login alone asks the browser to register its device, and a logout takes the proof back"(
    start,
  ) {
    const world = await start({}, { deviceBound: "/device", trustProxy: true });
    const https = { "x-forwarded-proto": "https" };
    const visitor = world.visitor();
    assert.equal((await visitor.post("/a", https)).get("secure-session-registration"), undefined);
    const asked = (await visitor.post("/login", https)).get("secure-session-registration");
    assert.match(asked ?? "", /^\(ES256 RS256\);path="\/device";challenge="[\w-]{43}"$/);
    assert.equal((await visitor.get("/plain", https)).get("secure-session-registration"), undefined);
    visitor.cookie += `; __Host-sid-device=${"p".repeat(43)}`;
    const gone = "; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    assert.deepEqual((await visitor.post("/logout", https)).cookies, [
      `__Host-sid=${gone}`,
      `__Host-sid-device=${gone}`,
    ]);
  },

  async "a session that got no data sets no cookie and is not stored"(start) {
    const { store, visitor } = await start({ "GET /read": ({ session }) => text(String(session.data.a)) });
    for (const path of ["/plain", "/read", "/user"]) {
      const { status, cookies } = await visitor().get(path);
      assert.deepEqual([status, cookies], [200, []], path);
    }
    assert.equal(store.records.size, 0);
    assert.deepEqual(store.calls, []);
  },

  async "the first data sets one cookie, that of a memory session, and the next request reads it"(start) {
    const world = await start();
    const visitor = world.visitor();
    const { cookies } = await visitor.post("/a");
    assert.equal(cookies.length, 1);
    const [name] = cookies[0]!.split("=");
    assert.equal(name, cookieName(world));
    const secure = world.https ? ["Secure"] : [];
    assert.deepEqual(attributes(cookies[0]!), ["HttpOnly", "Path=/", "SameSite=Lax", ...secure].sort());
    assert.doesNotMatch(cookies[0]!, /max-age|expires/i);
    assert.equal((await visitor.get("/data")).text, '{"a":1}');
  },

  async "a change of a session that has its cookie sends none"(start) {
    const world = await start();
    const visitor = await returning(world);
    assert.deepEqual((await visitor.post("/b")).cookies, []);
    assert.equal((await visitor.get("/data")).text, '{"a":1,"b":2}');
  },

  async "a remembered login's cookie outlives the browser"(start) {
    const { visitor } = await start({
      "POST /remember": async ({ session }) => {
        await session.login("ada", { remember: true });
        return redirect("/user");
      },
    });
    const { cookies } = await visitor().post("/remember");
    assert.match(cookies[0]!, /; Max-Age=[1-9]\d+/);
  },

  async "the id as a whole is nowhere in the store"(start) {
    const world = await start();
    const visitor = await returning(world);
    await visitor.post("/login");
    const [handle, secret] = sidOf(visitor.cookie).split(".");
    const stored = JSON.stringify([...world.store.records], (_, value) =>
      value instanceof Map ? [...value] : (value as unknown),
    );
    assert.ok(stored.includes(handle!));
    assert.ok(!stored.includes(secret!));
  },

  async "a cookie comes with Cache-Control: no-store"(start) {
    const { visitor } = await start();
    const first = visitor();
    assert.equal((await first.post("/a")).get("cache-control"), "no-store");
    assert.equal((await first.post("/b")).get("cache-control"), undefined);
  },

  async "a Cache-Control of the app's own stays, but for one by which shared caches would keep the cookie"(start) {
    for (const [own, sent] of [
      ["private, max-age=1", "private, max-age=1"],
      ["max-age=0, No-Store", "max-age=0, No-Store"],
      ["public, max-age=60", "no-store"],
      ["max-age=60", "no-store"],
      ['private="set-cookie"', "no-store"],
    ]) {
      const { visitor } = await start({
        "POST /x": ({ session }) => {
          session.data.a = 1;
          return send(200, { "cache-control": own! }, "x");
        },
        "GET /x": () => send(200, { "cache-control": own! }, "x"),
      });
      const { get, cookies } = await visitor().post("/x");
      assert.deepEqual([get("cache-control"), cookies.length], [sent, 1]);
      assert.equal((await visitor().get("/x")).get("cache-control"), own);
    }
  },

  async "Vary names Cookie where the session was read, beside what the app named"(start) {
    const { visitor } = await start({
      "GET /own": ({ session }) => send(200, { vary: "Accept" }, String(session.isNew)),
      "GET /named": ({ session }) => send(200, { vary: "cookie" }, String(session.isNew)),
      "GET /unread": () => send(200, { vary: "Accept" }, "x"),
    });
    const vary = async (path: string): Promise<string[]> => varies((await visitor().get(path)).get("vary"));
    assert.deepEqual(await vary("/data"), ["Cookie"]);
    assert.deepEqual(await vary("/user"), ["Cookie"]);
    assert.deepEqual(await vary("/own"), ["Accept", "Cookie"]);
    assert.deepEqual(await vary("/named"), ["cookie"]);
    assert.deepEqual(await vary("/unread"), ["Accept"]);
    assert.deepEqual(await vary("/plain"), []);
  },

  async "cookies of the app's own leave beside the session's"(start) {
    const world = await start({
      "POST /x": ({ session }) => {
        session.data.a = 1;
        return send(200, { "set-cookie": ["theme=dark", "lang=ko; Path=/"] }, "x");
      },
    });
    const { cookies } = await world.visitor().post("/x");
    const names = cookies.map((cookie) => cookie.split("=")[0]);
    assert.deepEqual(names.sort(), ["lang", "theme", cookieName(world)].sort());
  },

  async "ending a session clears its cookie, by the attributes it was set with"(start) {
    const cookie = { path: "/", sameSite: "strict", priority: "high" } as const;
    const { visitor, store } = await start({}, { cookie });
    const leaving = visitor();
    const [set] = (await leaving.post("/a")).cookies;
    const [cleared, ...others] = (await leaving.post("/logout")).cookies;
    assert.deepEqual(others, []);
    assert.match(cleared!, /^[^=]+=;/);
    assert.match(cleared!, /; Max-Age=0/);
    assert.equal(cleared!.split("=")[0], set!.split("=")[0]);
    assert.deepEqual(attributes(cleared!), attributes(set!));
    assert.equal(leaving.cookie, "");
    assert.equal(store.records.size, 0);
  },

  async "behind a trusted proxy that ends TLS the cookie is Secure, and bound to its host by name"(start) {
    const { visitor } = await start({}, { trustProxy: true });
    const proxied = visitor();
    const { cookies } = await proxied.post("/a", { "x-forwarded-proto": "https" });
    assert.match(cookies[0]!, /^__Host-sid=/);
    assert.ok(attributes(cookies[0]!).includes("Secure"));
    assert.equal((await proxied.get("/data", { "x-forwarded-proto": "https" })).text, '{"a":1}');
  },

  async "a proxy that the app doesn't trust changes nothing, and is warned of once"(start) {
    const world = await start();
    const warned = await warnings(async () => {
      for (const _ of [1, 2]) {
        const { cookies } = await world.visitor().post("/a", { "x-forwarded-proto": "https" });
        assert.ok(cookies[0]!.startsWith(`${cookieName(world)}=`));
      }
    });
    // Over https there is nothing to miss.
    assert.equal(warned.length, world.https ? 0 : 1);
    for (const warning of warned) assert.match(warning, /trustProxy/);
  },

  async "what can't be an id reaches no store, and does no harm"(start) {
    const world = await start();
    const { store, visitor } = world;
    const name = cookieName(world);
    const garbage = [
      "",
      ".",
      "x",
      `${forged}x`,
      "__proto__",
      "%00",
      '"quoted"',
      "x".repeat(8192),
      `${"a;b=".repeat(1000)}`,
    ];
    for (const value of garbage) {
      const visiting = visitor();
      visiting.cookie = `${name}=${value}`;
      assert.equal((await visiting.get("/data")).text, "{}", value.slice(0, 20));
    }
    assert.deepEqual(store.calls, []);
  },

  async "a forged id opens nothing, is never adopted, and ends nobody's session"(start) {
    const world = await start();
    const owner = await returning(world);
    const id = sidOf(owner.cookie);
    const [handle] = id.split(".");
    for (const value of [forged, `${handle}.${"s".repeat(43)}`]) {
      const thief = world.visitor();
      thief.cookie = `${cookieName(world)}=${value}`;
      assert.equal((await thief.get("/data")).text, "{}");
      await thief.post("/b");
      assert.notEqual(sidOf(thief.cookie), value);
      assert.ok(!thief.cookie.includes(`=${handle}.`));
    }
    assert.equal((await owner.get("/data")).text, '{"a":1}');
  },

  async "the good cookie is found behind a stale one and a malformed one"(start) {
    const world = await start();
    const visitor = await returning(world);
    const name = cookieName(world);
    visitor.cookie = `${name}=x; ${name}=${forged}; other=1; ${visitor.cookie}`;
    assert.equal((await visitor.get("/data")).text, '{"a":1}');
  },

  async "an answer to HEAD carries the cookie, and no body"(start) {
    const { visitor } = await start({
      "GET /x": ({ session }) => {
        session.data.a = 1;
        return text("x");
      },
    });
    const visiting = visitor();
    const { status, cookies, text: body } = await visiting.ask("HEAD", "/x");
    assert.deepEqual([status, cookies.length, body], [200, 1, ""]);
    assert.equal((await visiting.get("/data")).text, '{"a":1}');
  },

  async "answers without a body carry the cookie too: 204, 304, a redirect"(start) {
    const answers = { 204: send(204, {}), 304: send(304, { etag: '"1"' }), 302: redirect("/data") };
    for (const [status, reply] of Object.entries(answers)) {
      const { visitor }: World = await start({
        "GET /x": ({ session }) => {
          session.data.a = 1;
          return reply;
        },
      });
      const visiting = visitor();
      const answer = await visiting.get("/x");
      assert.deepEqual([answer.status, answer.cookies.length], [Number(status), 1]);
      assert.equal((await visiting.get("/data")).text, '{"a":1}');
    }
  },
};
