import { createSign, generateKeyPairSync } from "node:crypto";
import { createSessions, HoldfastError } from "holdfast";
import { describe, expect, it } from "vitest";
import { isSignedBy, keyOf, parseJwt } from "../../src/core/jwt.ts";
import { challengeIn, newDevice, proving, registering } from "../security/device.ts";
import { head } from "./client.ts";
import type { DeviceBrowser } from "./device-client.ts";
import {
  begin,
  beginWithEach,
  bound,
  COOKIE,
  type Data,
  device,
  events,
  later,
  MINUTE,
  newBrowser,
  registered,
  sessions,
  store,
} from "./device-sessions.ts";

/** Puts another text in an entry's place, as whoever can write to the store. */
async function overwrite(handle: string, name: string, text: string): Promise<void> {
  const { secretHash, touchedAt, expiresAt } = (await store.read(handle))!;
  await store.update(handle, { set: new Map([[name, text]]), touchedAt, expiresAt }, { secretHash });
}

beginWithEach();

describe("a request that only reads, and shows the first proof", () => {
  it("is answered where the session ends meanwhile", async () => {
    const browser = await registered();
    const exchange = await browser.open();
    expect(exchange.session.userId).toBe("ada");
    await sessions.revoke(browser.handle);
    await exchange.commit();
    exchange.end();
  });

  it("is answered where a failing store stops no request", async () => {
    begin({ onStoreError: "read-only" });
    const browser = await registered();
    const exchange = await browser.open();
    store.before = (method) => {
      if (method === "update") throw new Error("down");
    };
    await exchange.commit();
    exchange.end();
    store.before = () => {};
    expect(await browser.user()).toBe("ada");
    later(MINUTE);
    browser.jar.delete(COOKIE);
    expect(await browser.user()).toBeUndefined();
  });

  it("depends on no cookie where it reads nothing of the session", async () => {
    const browser = await registered();
    expect((await (await browser.open()).commit()).vary).toBeUndefined();
    later(MINUTE);
    browser.jar.delete(COOKIE);
    expect(await browser.user()).toBeUndefined();
  });

  it("binds after a reload() too", async () => {
    const browser = await registered();
    await browser.request((session) => session.reload());
    later(MINUTE);
    browser.jar.delete(COOKIE);
    expect(await browser.user()).toBeUndefined();
  });
});

describe("session.isDeviceBound", () => {
  it("is false where no proof was ever shown, though a key is registered", async () => {
    const browser = await registered();
    browser.jar.delete(COOKIE);
    later(20 * MINUTE);
    const whether = async () => (await browser.request(({ userId, isDeviceBound }) => [userId, isDeviceBound])).value;
    expect(await whether()).toEqual(["ada", false]);
    // Nor was one by that request.
    later(MINUTE);
    expect(await whether()).toEqual(["ada", false]);
  });
});

describe("a login's response asks for a device", () => {
  it("where the cookie is always Secure, though no proxy says that the client's connection is", async () => {
    begin({ cookie: { secure: true } });
    const exchange = await sessions.open(head());
    await exchange.session.login("ada");
    expect((await exchange.commit()).beside).toBeDefined();
  });

  it("and no bearer's does", async () => {
    begin({ transport: () => "bearer" });
    const exchange = await sessions.open(head({}, true));
    await exchange.session.login("ada");
    expect((await exchange.commit()).beside).toBeUndefined();
    expect([...(await store.read(exchange.session.handle))!.entries.keys()]).not.toContain("~registration");
  });

  it("and none whose session ended in the same request", async () => {
    const { headers } = await newBrowser().request(async (session) => {
      await session.login("ada");
      await session.destroy();
    });
    expect(headers).toEqual({});
  });

  it("by a challenge that the store does not know", async () => {
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    expect([...(await store.read(browser.handle))!.entries.values()].join()).not.toContain(challenge);
  });
});

describe("at the device's path", () => {
  it("the cookie stays, whatever middleware writes before", async () => {
    const browser = await bound();
    store.calls.length = 0;
    const exchange = await sessions.open({ ...head({ cookie: browser.cookie }, true), path: "/device" });
    expect(exchange.session.userId).toBeUndefined();
    expect(store.calls).toEqual([]);
    exchange.session.data.cart = ["tea"];
    expect((await exchange.commit()).setCookie).toBeUndefined();
  });

  it("only POST is answered", async () => {
    const { headers, status } = await sessions.bindDevice!({ ...head({}, true), method: "GET" });
    expect([status, headers.Allow]).toEqual([405, "POST"]);
  });

  it("what can be no handle never reaches the store", async () => {
    const browser = await bound();
    store.calls.length = 0;
    for (const handle of ["", "x", `${browser.handle}x`, "../../../etc/passwd..."]) {
      expect((await browser.bind(await proving(handle))).status).toBe(401);
    }
    expect(store.calls).toEqual([]);
  });

  it("a registration fails with the store, where requests go on without", async () => {
    begin({ onStoreError: "read-only" });
    const browser = newBrowser();
    const challenge = challengeIn(await browser.login());
    store.before = async () => {
      throw new Error("down");
    };
    await expect(browser.bind(await registering(device, challenge))).rejects.toMatchObject({ status: 503 });
  });

  it("a page of the site's own is one though a proxy changed Host, where its browser says so", async () => {
    const browser = newBrowser();
    const proof = await registering(device, challengeIn(await browser.login()));
    const proxied = { host: "backend:8080", origin: "https://shop.test", ...proof };
    expect((await browser.bind(proxied)).status).toBe(401);
    expect((await browser.bind({ ...proxied, "sec-fetch-site": "cross-site" })).status).toBe(401);
    expect((await browser.bind({ ...proxied, "sec-fetch-site": "same-origin" })).status).toBe(200);
  });

  it("one of several audiences is enough", async () => {
    const browser = newBrowser();
    const jti = challengeIn(await browser.login());
    const sign = async (aud: string[]) => ({
      "secure-session-response": await device.sign({ jti, aud }, { jwk: device.jwk }),
    });
    expect((await browser.bind(await sign([]))).status).toBe(401);
    expect((await browser.bind(await sign(["https://evil.test/", "https://shop.test/device"]))).status).toBe(200);
  });
});

describe("a proof", () => {
  it("is taken beside another session's stale cookie", async () => {
    const browser = await bound();
    const { handle } = browser;
    const stale = `__Host-sid=${"s".repeat(22)}.${"s".repeat(43)}`;
    const cookie = `${stale}; ${browser.cookie}`;
    expect((await browser.bind({ ...(await proving(handle)), cookie })).status).toBe(403);
    expect((await browser.bind({ ...(await proving(handle)), cookie: stale })).status).toBe(401);
  });

  it("is of no use where today's timeouts have ended the session", async () => {
    const browser = await bound();
    later(11 * MINUTE);
    const { jar } = browser;
    begin({ idle: "10m" });
    const again = Object.assign(newBrowser(), { jar });
    expect((await again.refresh()).status).toBe(401);
  });

  it("of a session whose record can't be read fails, and is not refused: the browser would drop the key", async () => {
    const browser = await bound();
    store.before = (method) => {
      if (method === "read") throw new HoldfastError("record-corrupt", "moth", { handle: browser.handle });
    };
    await expect(browser.refresh()).rejects.toMatchObject({ code: "record-corrupt" });
  });

  it("that does not hold is told of", async () => {
    const browser = await bound();
    await browser.refresh(await newDevice());
    expect(events).toEqual(["wrong-proof"]);
  });

  it("answers a challenge of the lifetime before, which the browser may have kept", async () => {
    const browser = await bound();
    const kept = challengeIn((await browser.refresh()).headers["Secure-Session-Challenge"]);
    later(10 * MINUTE);
    expect((await browser.bind(await proving(browser.handle, device, kept))).status).toBe(200);
  });

  it("ends the time in which none is needed", async () => {
    const browser = await bound();
    await browser.refresh();
    browser.jar.delete(COOKIE);
    expect(await browser.user()).toBeUndefined();
  });

  it("is found among cookies that are none, and not behind too many that might be", async () => {
    const browser = await bound();
    await browser.refresh();
    const cookie = (others: string[]) =>
      [...others.map((value) => `${COOKIE}=${value}`), browser.cookie.split("; ").reverse().join("; ")].join("; ");
    const user = async (others: string[]) =>
      (await sessions.open(head({ cookie: cookie(others) }, true))).session.userId;
    expect(await user(Array(9).fill("none"))).toBe("ada");
    expect(await user(Array(4).fill("p".repeat(43)))).toBe("ada");
    expect(await user(Array(5).fill("p".repeat(43)))).toBeUndefined();
  });
});

describe("a browser without a proof", () => {
  const remembered = async (browser: DeviceBrowser<Data>) => {
    await browser.request(({ data }) => {
      data.cart = ["tea"];
    });
    return (await browser.request(({ data, userId }) => [userId, data.cart])).value;
  };

  it("that has lost its key has another session, such as a login may take, though a long-lived cookie is still there", async () => {
    begin({ idle: "30d", absolute: "30d" });
    const browser = await bound();
    const { handle } = browser;
    browser.jar.delete(COOKIE);
    later(60 * MINUTE);
    expect(await remembered(browser)).toEqual([undefined, ["tea"]]);
    expect(await store.read(handle)).toBeDefined();
    expect(await browser.login()).toBeDefined();
    expect(await browser.user()).toBe("ada");
  });

  it("that says it was kept from proving itself keeps its cookie, and so does one with an old proof", async () => {
    const browser = await bound();
    const { cookie } = browser;
    later(11 * MINUTE);
    for (const headers of [{ cookie: cookie.split("; ")[0]!, "secure-session-skipped": "server_error" }, { cookie }]) {
      const exchange = await sessions.open(head(headers, true));
      exchange.session.data.cart = ["tea"];
      expect((await exchange.commit()).setCookie).toBeUndefined();
    }
    expect((await browser.refresh()).status).toBe(200);
    expect(await browser.user()).toBe("ada");
  });
});

describe("a binding of another form", () => {
  it.each([
    "{}",
    "[]",
    "null",
    '{"seed":"","secretHash":"1:","until":9e15,"graceUntil":9e15}',
    '{"alg":"ES256","jwk":{},"seed":1,"secretHash":1,"until":9e15,"graceUntil":9e15}',
  ])("opens for nobody, and breaks nothing: %s", async (text) => {
    const browser = await registered();
    await overwrite(browser.handle, "~binding", text);
    expect(await browser.user()).toBeUndefined();
    await expect(browser.refresh()).rejects.toMatchObject({ code: "record-corrupt" });
  });

  it("ends a request that reads it anew", async () => {
    const browser = await bound();
    const { session } = await browser.open();
    await overwrite(browser.handle, "~binding", "{");
    await expect(session.reload()).rejects.toMatchObject({ code: "session-gone" });
  });

  it("nor is a registration of another form answered", async () => {
    const browser = newBrowser();
    const proof = await registering(device, challengeIn(await browser.login()));
    await overwrite(browser.handle, "~registration", '{"until":9e15}');
    expect((await browser.bind(proof)).status).toBe(401);
  });
});

describe("a JWT", () => {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const es256 = { typ: "dbsc+jwt", alg: "ES256" };
  const of = (header: object, claims: object = { jti: "x" }) => `${text(header)}.${text(claims)}.AAAA`;

  it("is parsed as it is, or in quotes, up to 4,096 characters", () => {
    expect(parseJwt(of(es256))).toMatchObject({ alg: "ES256", jti: "x" });
    expect(parseJwt(`"${of(es256)}"`)).toMatchObject({ jti: "x" });
    expect(parseJwt(of(es256, { jti: "x".repeat(2800) }))).toBeDefined();
    expect(parseJwt(of(es256, { jti: "x".repeat(3100) }))).toBeUndefined();
  });

  it("is none with an algorithm that is not on the list, or with extensions that must be understood", () => {
    for (const alg of ["none", "HS256", "ES384", "toString", ["ES256"]]) {
      expect(parseJwt(of({ ...es256, alg }))).toBeUndefined();
    }
    expect(parseJwt(of({ ...es256, crit: ["exp"] }))).toBeUndefined();
  });

  it("brings a key of its algorithm's kind, without the private part", async () => {
    const { jwk } = (await newDevice()) as { jwk: Record<string, string> };
    const key = (header: object) => keyOf(parseJwt(of({ ...es256, ...header }))!);
    expect(key({ jwk: { ...jwk, d: "secret", use: "sig" } })).toEqual({ alg: "ES256", jwk });
    expect(key({ jwk: { ...jwk, kty: "OKP" } })).toBeUndefined();
    expect(key({ jwk: { ...jwk, crv: "P-384" } })).toBeUndefined();
    expect(key({ jwk: { ...jwk, x: "AA" } })).toBeUndefined();
    const rsa = { kty: "RSA", n: "z".repeat(342), e: "AQAB" };
    expect(key({ alg: "RS256", jwk: rsa })).toEqual({ alg: "RS256", jwk: rsa });
    expect(key({ alg: "ES256", jwk: rsa })).toBeUndefined();
    for (const wrong of [{ n: "z".repeat(341) }, { n: "z".repeat(684) }, { e: "Aw" }, { kty: "EC" }]) {
      expect(key({ alg: "RS256", jwk: { ...rsa, ...wrong } })).toBeUndefined();
    }
  });

  it("of another algorithm than the key's is not the key's", async () => {
    const jwt = parseJwt(await device.sign({ jti: "x" }, { jwk: device.jwk }))!;
    const key = keyOf(jwt)!;
    expect(await isSignedBy(key, jwt)).toBe(true);
    expect(await isSignedBy(key, { ...jwt, alg: "RS256" })).toBe(false);
  });

  it("of a short RSA key is refused, be it filled up with zeros", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const bytes = Buffer.from(publicKey.export({ format: "jwk" }).n!, "base64url");
    const n = Buffer.concat([Buffer.alloc(256 - bytes.length), bytes]).toString("base64url");
    const signed = `${text({ typ: "dbsc+jwt", alg: "RS256", jwk: { kty: "RSA", e: "AQAB", n } })}.${text({ jti: "x" })}`;
    const signature = createSign("sha256").update(signed).sign(privateKey).toString("base64url");
    expect(keyOf(parseJwt(`${signed}.${signature}`)!)).toBeUndefined();
  });
});

describe("the option deviceBound", () => {
  it("has no other options, and no path that is another host's or every page's", () => {
    const of = (deviceBound: unknown) => () => createSessions({ store, deviceBound: deviceBound as string });
    expect(of({ path: "/device", lifeTime: "5m" })).toThrow(expect.objectContaining({ code: "option-unknown" }));
    for (const path of ["/", "//evil.test/device", "/a//b"]) {
      expect(of(path)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    }
    expect(of("/auth/device/")).not.toThrow();
  });

  it("is refused with a transport of the app's own, which has no cookie for a browser", () => {
    const transport = { receive: () => ({ ids: [], presented: false, vary: "", set: () => ({}), clear: () => ({}) }) };
    expect(() => createSessions({ store, deviceBound: "/device", transport })).toThrow(
      expect.objectContaining({ code: "option-conflict" }),
    );
  });

  it("takes SameSite and the name from the session's cookie", async () => {
    begin({ cookie: { name: "shop", sameSite: "strict" } });
    const exchange = await sessions.open(head({ host: "shop.test" }, true));
    await exchange.session.login("ada");
    const { setCookie = "", beside } = await exchange.commit();
    const cookie = setCookie.split(";", 1)[0]!;
    const proof = await registering(device, challengeIn(beside![0]![1]));
    const { headers } = await sessions.bindDevice!({
      ...head({ cookie, host: "shop.test", ...proof }, true),
      method: "POST",
    });
    expect(headers["Set-Cookie"]).toMatch(/^__Host-shop-device=.*; SameSite=Strict/);
  });
});
