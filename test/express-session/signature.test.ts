import { createSecretKey } from "node:crypto";
import { createRequire } from "node:module";
import type { RequestHandler } from "express";
import fc from "fast-check";
import { MemoryStore } from "holdfast/express-session";
import { describe, expect, it, vi } from "vitest";
import { secretKeys, sign, unsign } from "../../src/express-session/signature.ts";
import { counter, serve, signed } from "./serve.ts";

// It comes without types.
const cookieParser = createRequire(import.meta.url)("cookie-parser") as (secret: string) => RequestHandler;

const mine = secretKeys("tea");

/** A store in which the id "known" has seen 41 views. */
function storeOfOne(): MemoryStore {
  const store = new MemoryStore();
  store.sessions.known = JSON.stringify({ cookie: { path: "/", originalMaxAge: null, expires: null }, views: 41 });
  return store;
}

const ofValue = (cookie: string): string => decodeURIComponent(cookie.slice("connect.sid=".length));

describe("a signature", () => {
  it("is read back from any id, and from no other text", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "binary" }), fc.string(), (id, other) => {
        const value = sign(id, mine);
        expect(unsign(value, mine)).toBe(id);
        if (value !== other) expect(unsign(other, mine)).not.toBe(id);
      }),
      { numRuns: 50 },
    );
  });

  it("is broken by any change of one character", () => {
    const value = sign("known", mine);
    for (let i = 2; i < value.length; i++) {
      for (const letter of ["A", "b", ".", "=", "é"]) {
        if (value[i] === letter) continue;
        const forged = value.slice(0, i) + letter + value.slice(i + 1);
        expect(unsign(forged, mine), forged).toBeUndefined();
      }
    }
  });

  it.each([
    ["is cut short by a character", (value: string) => value.slice(0, -1)],
    ["is cut down to the dot", (value: string) => value.slice(0, value.lastIndexOf(".") + 1)],
    ["is cut off", (value: string) => value.slice(0, value.lastIndexOf("."))],
    ["is longer by a character", (value: string) => `${value}A`],
    ["is padded", (value: string) => `${value}=`],
    ["is repeated", (value: string) => value + value.slice(value.lastIndexOf("."))],
    [
      "has other bits where base64 has none to spare",
      (value: string) => value.slice(0, -1) + nextLetter(value.at(-1)!),
    ],
    ["has no s: before it", (value: string) => value.slice(2)],
    ["has an S: before it", (value: string) => `S${value.slice(1)}`],
    ["signs nothing", () => sign("", mine)],
    ["is empty", () => ""],
    ["is a dot", () => "s:."],
  ])("that %s opens no session", async (_what, spoil) => {
    const shop = await serve({ store: storeOfOne() }, counter);
    const cookie = `connect.sid=${encodeURIComponent(spoil(ofValue(signed("known", "tea"))))}`;
    expect((await shop.ask("/", { headers: { cookie } })).text).toBe("1");
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("42");
  });

  it("by somebody else's secret opens no session", async () => {
    const shop = await serve({ store: storeOfOne() }, counter);
    for (const secret of ["teas", "te", "Tea", " tea", ""]) {
      expect((await shop.ask("/", { headers: { cookie: signed("known", secret) } })).text, secret).toBe("1");
    }
  });

  it("of an id that the store does not know begins a session with another id", async () => {
    const shop = await serve({ store: new MemoryStore() }, counter);
    const { text } = await shop.ask("/id", { headers: { cookie: signed("planted", "tea") } });
    expect(text).not.toBe("planted");
  });
});

describe("secrets", () => {
  it.each([
    ["text", "tea"],
    ["bytes", Buffer.from("tea")],
    ["a view of bytes", new Uint8Array(Buffer.from("tea"))],
    ["a key", createSecretKey(Buffer.from("tea"))],
  ])("may be %s", async (_what, secret) => {
    const shop = await serve({ secret, store: storeOfOne() }, counter);
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("42");
  });

  it("rotate: the first signs, and all of them verify", async () => {
    const shop = await serve({ secret: ["kettle", "tea"], store: storeOfOne(), rolling: true }, counter);
    const { text, cookies } = await shop.ask("/", { headers: { cookie: signed("known", "tea") } });
    expect(text).toBe("42");
    expect(cookies[0]).toContain(signed("known", "kettle"));
    expect((await shop.ask()).text).toBe("43");
    const retired = await serve({ secret: ["kettle"], store: storeOfOne() }, counter);
    expect((await retired.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("1");
  });

  it("forgotten in a list verify nothing, and hurt nobody", async () => {
    const shop = await serve({ secret: ["tea", undefined as unknown as string], store: storeOfOne() }, counter);
    expect((await shop.ask("/", { headers: { cookie: signed("known", "undefined") } })).text).toBe("1");
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("42");
  });

  it.each([
    ["text", ""],
    ["bytes", Buffer.alloc(0)],
  ])("that are empty %s, which anybody knows, verify nothing and sign nothing", async (_what, empty) => {
    const shop = await serve({ secret: [empty, "tea"], store: storeOfOne() }, counter);
    expect((await shop.ask("/", { headers: { cookie: signed("known", "") } })).text).toBe("1");
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("42");
    const open = await serve({ secret: [empty] }, counter);
    expect(await open.ask()).toMatchObject({ status: 500, text: "secret option required for sessions" });
  });

  it("come from cookie-parser where there is no other", async () => {
    const shop = await serve({ secret: undefined, store: storeOfOne() }, counter, (app) =>
      app.use(cookieParser("tea")),
    );
    expect((await shop.ask("/", { headers: { cookie: signed("known", "tea") } })).text).toBe("42");
  });

  it("are an error of the request where there are none", async () => {
    const shop = await serve({ secret: undefined }, counter);
    expect(await shop.ask()).toMatchObject({ status: 500, text: "secret option required for sessions" });
  });
});

describe("the cookie", () => {
  it("is found among several of its name, the stale and planted ones first", async () => {
    const shop = await serve({ store: storeOfOne() }, counter);
    const cookie = [signed("known", "mine"), "connect.sid=x", signed("gone", "tea"), signed("known", "tea")].join("; ");
    expect((await shop.ask("/", { headers: { cookie } })).text).toBe("42");
  });

  it("is not looked for without an end", async () => {
    const shop = await serve({ store: storeOfOne() }, counter);
    const planted = "connect.sid=s%3Aknown.x; ".repeat(20);
    expect((await shop.ask("/", { headers: { cookie: planted + signed("known", "tea") } })).text).toBe("1");
  });

  it("may be quoted, and stand among broken ones", async () => {
    const shop = await serve({ store: storeOfOne() }, counter);
    const quoted = signed("known", "tea").replace("=", '="').concat('"');
    expect((await shop.ask("/", { headers: { cookie: `=; a; connect.sid=%E0%A4; ${quoted}` } })).text).toBe("42");
  });

  it("may come by cookie-parser alone, whose look-alikes were checked already or are checked here", async () => {
    vi.stubEnv("NO_DEPRECATION", "express-session");
    for (const parsed of [
      { signedCookies: { "connect.sid": "known" } },
      { signedCookies: { "connect.sid": false }, cookies: { "connect.sid": ofValue(signed("known", "tea")) } },
    ]) {
      const shop = await serve({ store: storeOfOne() }, counter, (app) => {
        app.use((req, _res, next) => {
          Object.assign(req, parsed);
          next();
        });
      });
      expect((await shop.ask()).text).toBe("42");
    }
    vi.unstubAllEnvs();
  });
});

/** The letter of base64 whose 4 leading bits are the same. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return alphabet[alphabet.indexOf(letter) ^ 1]!;
}
