import { createSessions, type SessionsOptions } from "holdfast";
import { barrier } from "holdfast/testing";
import { describe, expect, it, vi } from "vitest";
import { challengeIn, newDevice, proving, registering } from "../security/device.ts";
import { head } from "./client.ts";
import {
  begin,
  beginWithEach,
  bound,
  COOKIE,
  device,
  events,
  later,
  MINUTE,
  newBrowser,
  sessions,
  store,
} from "./device-sessions.ts";
import { watchedStore } from "./stores.ts";

beginWithEach();

describe("a login's response", () => {
  it("tells the browser where it may register a key, for which algorithms, and by which challenge", async () => {
    const asked = await newBrowser().login();
    expect(asked).toMatch(/^\(ES256 RS256\);path="\/device";challenge="[\w-]{43}"$/);
  });

  it("does not over plain http, where browsers register nothing", async () => {
    const exchange = await sessions.open(head());
    await exchange.session.login("ada");
    expect((await exchange.commit()).beside).toBeUndefined();
  });

  it("does not where the session has its device, and does for another user", async () => {
    const browser = await bound();
    expect(await browser.login("ada")).toBeUndefined();
    expect(await browser.login("bob")).toBeDefined();
  });

  it("alone does", async () => {
    const { headers } = await newBrowser().request(({ data }) => {
      data.cart = ["tea"];
    });
    expect(headers).toEqual({});
  });
});

describe("a registration", () => {
  it.each(["ES256", "RS256"] as const)("binds the session to a key for %s", async (alg) => {
    const browser = newBrowser(await newDevice(alg));
    const { status, headers, body } = await browser.register();
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      session_identifier: browser.handle,
      refresh_url: "/device",
      allowed_refresh_initiators: ["*"],
      scope: { include_site: false },
      credentials: [{ type: "cookie", name: COOKIE, attributes: "Path=/; HttpOnly; Secure; SameSite=Lax" }],
    });
    expect(headers["Set-Cookie"]).toMatch(
      /^__Host-sid-device=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=600$/,
    );
    expect(headers["Secure-Session-Challenge"]).toMatch(new RegExp(`^"[\\w-]{43}";id="${browser.handle}"$`));
    expect(headers["Cache-Control"]).toBe("no-store");
    expect(events).toEqual(["bound"]);
    expect((await browser.request((session) => session.isDeviceBound)).value).toBe(true);
    expect(await sessions.list({ userId: "ada" })).toMatchObject([{ isDeviceBound: true }]);
    expect((await browser.refresh()).status).toBe(200);
  });

  it("leaves the data to the app: neither the key nor the proof is in it", async () => {
    const browser = await bound();
    const { value } = await browser.request((session) => JSON.stringify([session, Object.keys(session.data)]));
    expect(value).toContain('"data":{}},[]]');
  });

  it("comes once for a login: its challenge is worth nothing afterwards", async () => {
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    const [first, second] = await Promise.all([
      browser.bind(await registering(device, challenge)),
      browser.bind(await registering(await newDevice(), challenge)),
    ]);
    expect([first.status, second.status].sort()).toEqual([200, 401]);
    expect((await browser.bind(await registering(device, challenge))).status).toBe(401);
  });

  it("comes within five minutes", async () => {
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    later(5 * MINUTE);
    expect((await browser.bind(await registering(device, challenge))).status).toBe(401);
    expect(await browser.user()).toBe("ada");
  });

  it("answers the latest login's challenge", async () => {
    const browser = newBrowser();
    const first = challengeIn(await browser.login());
    const second = challengeIn(await browser.login());
    expect((await browser.bind(await registering(device, first))).status).toBe(401);
    expect((await browser.bind(await registering(device, second))).status).toBe(200);
  });

  it("that a login overlaps with leaves the session to the newer login's key", async () => {
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    const login = await browser.open();
    await browser.bind(await registering(device, challenge));
    await login.session.login("ada");
    const { setCookie, beside = [] } = await login.commit();
    browser.keep(setCookie);
    const newer = await newDevice();
    expect((await browser.bind(await registering(newer, challengeIn(beside[0]?.[1])))).status).toBe(200);
    expect((await browser.refresh(device)).status).toBe(401);
    expect((await browser.refresh(newer)).status).toBe(200);
  });

  it("waits for the one whose store is slow: no change of another request is lost", async () => {
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    const both = barrier(2);
    store.before = (method) => (method === "update" ? both.arrive() : undefined);
    const answer = browser.bind(await registering(device, challenge));
    await browser.request(({ data }) => {
      data.cart = ["tea"];
    });
    expect((await answer).status).toBe(200);
    const { value } = await browser.request(({ data, isDeviceBound }) => [data.cart, isDeviceBound]);
    expect(value).toEqual([["tea"], true]);
  });
});

describe("a bound session", () => {
  it("opens for its device alone", async () => {
    const browser = await bound();
    later(MINUTE);
    const thief = browser.copy();
    thief.jar.delete(COOKIE);
    expect(await thief.user()).toBeUndefined();
    thief.jar.set(COOKIE, "p".repeat(43));
    expect(await thief.user()).toBeUndefined();
    expect(events).toEqual(["unproven", "unproven"]);
    expect(await browser.user()).toBe("ada");
  });

  it("opens without a proof for requests that were under way when it was bound, and no longer", async () => {
    const browser = await bound();
    const underWay = browser.copy();
    underWay.jar.delete(COOKIE);
    expect(await underWay.user()).toBe("ada");
    later(30_000);
    expect(await underWay.user()).toBeUndefined();
  });

  it("opens without a proof until the browser has shown one: it may never have got it", async () => {
    const browser = newBrowser();
    await browser.register();
    browser.jar.delete(COOKIE);
    later(10 * MINUTE);
    expect(await browser.user()).toBe("ada");
  });

  it("opens for a proof of ten minutes' age at most, or of what `lifetime` says", async () => {
    let browser = await bound();
    later(10 * MINUTE);
    expect(await browser.user()).toBe("ada");
    later(30_000);
    expect(await browser.user()).toBeUndefined();
    begin({ deviceBound: { path: "/device", lifetime: "2m" } });
    browser = newBrowser();
    expect((await browser.register()).headers["Set-Cookie"]).toMatch(/; Max-Age=120$/);
    await browser.user();
    later(2.5 * MINUTE);
    expect(await browser.user()).toBeUndefined();
  });

  it("costs a request no further call of the store", async () => {
    const browser = await bound();
    store.calls.length = 0;
    await browser.user();
    expect(store.calls).toEqual(["read"]);
  });

  it("keeps its cookie where a request without the proof begins another one, but not where one logs in", async () => {
    const browser = await bound();
    later(11 * MINUTE);
    const { jar } = browser.copy();
    const { setCookie } = await browser.request(({ data, isNew }) => {
      expect(isNew).toBe(true);
      data.cart = ["tea"];
    });
    expect(setCookie).toBeUndefined();
    expect(browser.jar).toEqual(jar);
    expect((await browser.refresh()).status).toBe(200);
    expect(await browser.user()).toBe("ada");

    later(11 * MINUTE);
    expect(await browser.login("ada")).toBeDefined();
    expect(await browser.user()).toBe("ada");
    expect(browser.jar.get("__Host-sid")).not.toBe(jar.get("__Host-sid"));
  });

  it("gives its cookie up at a logout, with a proof or without", async () => {
    const browser = await bound();
    later(11 * MINUTE);
    const { setCookie } = await browser.request((session) => session.destroy());
    expect(setCookie).toMatch(/^__Host-sid=; .*Max-Age=0/);
    expect(await browser.user()).toBeUndefined();
  });

  it("stays bound through a new id, by login or by regenerate()", async () => {
    const browser = await bound();
    await browser.request((session) => session.regenerate());
    await browser.login();
    later(10.5 * MINUTE);
    expect(await browser.user()).toBeUndefined();
    expect((await browser.refresh()).status).toBe(200);
    expect(await browser.user()).toBe("ada");
  });

  it("whose binding can't be read is rejected", async () => {
    const browser = await bound();
    const { secretHash, touchedAt, expiresAt } = (await store.read(browser.handle))!;
    await store.update(browser.handle, { set: new Map([["~binding", "{"]]), touchedAt, expiresAt }, { secretHash });
    expect(await browser.user()).toBeUndefined();
    expect(events).toEqual(["corrupt"]);
    // No 401, for the browser would drop the key: the keys of one wrong deploy must not cost all bindings.
    await expect(browser.refresh()).rejects.toMatchObject({
      code: "record-corrupt",
      details: { handle: browser.handle },
    });
  });

  it("is bound with `keys` and another serializer too", async () => {
    const reversed = {
      stringify: (value: unknown) => [...JSON.stringify(value)].reverse().join(""),
      parse: (text: string) => JSON.parse([...text].reverse().join("")),
    };
    begin({ keys: "0123456789abcdefghijklmnopqrstuvwxyz", serializer: reversed });
    const browser = await bound();
    later(11 * MINUTE);
    expect((await browser.refresh()).status).toBe(200);
    expect(await browser.user()).toBe("ada");
  });

  it("is an ordinary one again where the option is taken out", async () => {
    const { jar } = await bound();
    later(11 * MINUTE);
    begin({ deviceBound: undefined });
    expect(await Object.assign(newBrowser(), { jar }).user()).toBe("ada");
    expect(sessions.bindDevice).toBeUndefined();
  });
});

describe("a proof", () => {
  it("brings a new one, and the next challenge, so that the next takes one round trip", async () => {
    const browser = await bound();
    const before = browser.jar.get(COOKIE);
    const { headers } = await browser.refresh();
    expect(browser.jar.get(COOKIE)).not.toBe(before);
    later(9 * MINUTE);
    const next = challengeIn(headers["Secure-Session-Challenge"]);
    expect((await browser.bind(await proving(browser.handle, device, next))).status).toBe(200);
    later(9 * MINUTE);
    expect(await browser.user()).toBe("ada");
  });

  it("replaces the one before, which dies within two and a half minutes", async () => {
    const browser = await bound();
    const thief = browser.copy();
    later(5 * MINUTE);
    await browser.refresh();
    later(2.5 * MINUTE - 1);
    expect(await thief.user()).toBe("ada");
    later(1);
    expect(await thief.user()).toBeUndefined();
    expect(await browser.user()).toBe("ada");
  });

  it("leaves the one before to a browser that asked two minutes early, and whose answer got lost", async () => {
    const browser = await bound();
    const lost = browser.copy();
    later(8 * MINUTE);
    await lost.refresh();
    expect(await browser.user()).toBe("ada");
    later(2 * MINUTE);
    expect(await browser.user()).toBe("ada");
    later(30_000);
    expect(await browser.user()).toBeUndefined();
    expect(await lost.user()).toBe("ada");
  });

  it("gives one before that has had its time no other", async () => {
    const browser = await bound();
    const thief = browser.copy();
    later(20 * MINUTE);
    await browser.refresh();
    expect(await thief.user()).toBeUndefined();
  });

  it("is asked for where there is none, in the same words until it comes: whoever asks changes nothing", async () => {
    const browser = await bound();
    store.calls.length = 0;
    const [one, two] = [
      await browser.bind(await proving(browser.handle)),
      await browser.bind(await proving(browser.handle)),
    ];
    expect([one.status, two.status]).toEqual([403, 403]);
    expect(one.headers["Secure-Session-Challenge"]).toBe(two.headers["Secure-Session-Challenge"]);
    expect(store.calls).toEqual(["read", "read"]);
  });

  it("answers a challenge of two lifetimes' age at most", async () => {
    const browser = await bound();
    const asked = challengeIn((await browser.refresh()).headers["Secure-Session-Challenge"]);
    later(20 * MINUTE);
    const answer = await browser.bind(await proving(browser.handle, device, asked));
    expect(answer.status).toBe(403);
    const anew = challengeIn(answer.headers["Secure-Session-Challenge"]);
    expect((await browser.bind(await proving(browser.handle, device, anew))).status).toBe(200);
  });

  it("that comes twice counts once", async () => {
    const browser = await bound();
    const sent = await browser.proof();
    const both = barrier(2);
    store.before = (method) => (method === "update" ? both.arrive() : undefined);
    const answers = await Promise.all([browser.bind(sent), browser.copy().bind(sent)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
  });

  it("overlaps with a login, whichever is quicker", async () => {
    for (const slow of ["proof", "login"]) {
      const browser = await bound();
      const sent = await browser.proof();
      let updates = 0;
      const other = barrier(2);
      // The first to write waits until the other one has.
      store.before = (method) => (method === "update" && ++updates === 1 ? other.arrive() : undefined);
      const prove = () => browser.bind(sent);
      const login = () => browser.request((session) => session.login("ada"));
      const [waiting, quick] = slow === "proof" ? [prove, login] : [login, prove];
      const first = waiting();
      await vi.waitFor(() => expect(updates).toBe(1));
      await quick();
      void other.arrive();
      await first;
      store.before = () => {};
      later(MINUTE);
      expect(await browser.user()).toBe("ada");
    }
  });

  it("that a logout overtakes brings nothing back", async () => {
    const browser = await bound();
    const sent = await browser.proof();
    const { handle } = browser;
    store.before = async (method) => {
      if (method !== "update") return;
      store.before = () => {};
      await sessions.revoke(handle);
    };
    const answer = await browser.bind(sent);
    expect([answer.status, answer.headers["Set-Cookie"]]).toEqual([401, undefined]);
    expect(await store.read(handle)).toBeUndefined();
  });

  it("is no use of the session", async () => {
    const browser = await bound();
    later(29 * MINUTE);
    await browser.refresh();
    later(2 * MINUTE);
    expect(await browser.user()).toBeUndefined();
  });

  it("comes by the handle alone, from a browser that has lost its cookies", async () => {
    const browser = await bound();
    const { handle } = browser;
    browser.jar.clear();
    expect((await browser.refresh(device, handle)).status).toBe(200);
  });

  it("is refused where the browser has another session by now, which has a proof of its own", async () => {
    const browser = await bound();
    const { handle } = browser;
    const other = newBrowser();
    await other.login("bob");
    expect((await other.refresh(device, handle)).status).toBe(401);
    expect((await browser.refresh()).status).toBe(200);
  });

  it("fails with the store, and the binding stays", async () => {
    const browser = await bound();
    store.before = () => {
      throw new Error("down");
    };
    await expect(browser.refresh()).rejects.toMatchObject({ code: "store-failed", status: 503 });
    store.before = () => {};
    expect((await browser.refresh()).status).toBe(200);
  });
});

describe("the option deviceBound", () => {
  const store = watchedStore();
  const of = (options: Partial<SessionsOptions>) => () => createSessions({ store, deviceBound: "/device", ...options });

  it.each<[string, Partial<SessionsOptions>]>([
    ["a domain, whose subdomains browsers would not bind", { cookie: { domain: "shop.test" } }],
    ["a path", { cookie: { path: "/shop" } }],
    ["Partitioned, which fails the registration", { cookie: { partitioned: true, secure: true } }],
    ["plain http", { cookie: { secure: false } }],
    ["bearer tokens alone", { transport: "bearer" }],
  ])("is refused with %s", (_, options) => {
    expect(of(options)).toThrow(expect.objectContaining({ code: "option-conflict" }));
  });

  it.each(["device", "/de vice", '/device";x="', "", 1, { path: "" }])("is no path: %j", (deviceBound) => {
    expect(of({ deviceBound: deviceBound as string })).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });

  it("lets no bearer in with the id of a bound session's cookie", async () => {
    begin({ transport: ({ header }) => (header("authorization") ? "bearer" : "cookie") });
    const browser = await bound();
    later(MINUTE);
    const authorization = `Bearer ${browser.jar.get("__Host-sid")}`;
    const { session } = await sessions.open(head({ authorization }, true));
    expect(session.userId).toBeUndefined();
    expect(events).toEqual(["unproven"]);
  });
});
