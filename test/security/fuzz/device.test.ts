import fc from "fast-check";
import { createSessions, type IndexedSessions } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isSignedBy, keyOf, parseJwt } from "../../../src/core/jwt.ts";
import { head } from "../../core/client.ts";
import { DeviceBrowser } from "../../core/device-client.ts";
import { type WatchedStore, watchedStore } from "../../core/stores.ts";
import { challengeIn, type Device, newDevice, proving } from "../device.ts";
import { check, FUZZ_TIMEOUT } from "./cases.ts";

const COOKIE = "__Host-sid-device";

/** A word that the parser would take, but for one time in four. */
const mostly = <T>(right: readonly T[], other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...right) }, other);

const jwk = fc.record({
  kty: mostly(["EC", "RSA"], fc.constantFrom("oct", 1)),
  crv: mostly(["P-256"], fc.constantFrom("P-384", "constructor")),
  x: mostly(["A".repeat(43)], fc.string({ maxLength: 50 })),
  y: mostly(["_".repeat(43)], fc.jsonValue()),
  n: mostly(["z".repeat(342), "z".repeat(683)], fc.constantFrom("A".repeat(342), "z", 1)),
  e: mostly(["AQAB"], fc.constantFrom("AQ", 3)),
});
const top = fc.record(
  {
    typ: mostly(["dbsc+jwt"], fc.constantFrom("DBSC+JWT", "jwt", ["dbsc+jwt"])),
    alg: mostly(["ES256", "RS256"], fc.constantFrom("none", "HS256", "toString", "__proto__", null)),
    jwk: fc.oneof(jwk, jwk, fc.jsonValue()),
    crit: mostly([undefined], fc.constantFrom([], ["b64"], null)),
    ["__proto__"]: fc.constantFrom({ typ: "dbsc+jwt" }, 1),
  },
  { requiredKeys: ["typ", "alg"] },
);
const claims = fc.record(
  {
    jti: mostly(["a challenge", ""], fc.jsonValue()),
    aud: fc.oneof(fc.jsonValue(), fc.constantFrom("https://shop.test/device", "//", "https://[")),
  },
  { requiredKeys: ["jti"] },
);
const signature = fc.string({ unit: fc.constantFrom(..."Az09-_"), minLength: 1, maxLength: 90 });
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const near = fc.tuple(top.map(encoded), claims.map(encoded), signature).map((parts) => parts.join("."));
const part = fc.oneof(fc.jsonValue().map(encoded), fc.string({ unit: fc.constantFrom(..."Az09-_=+/"), maxLength: 90 }));
const header = fc.oneof(
  { weight: 9, arbitrary: near },
  near.map((text) => `"${text}"`),
  fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(".")),
  fc.tuple(part, part, part).map((parts) => `"${parts.join(".")}"`),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom(...'".-_Az, \t\n\\\u0000\u00e9'), maxLength: 60 }),
);

/** The same text but for a piece of it. */
const bent = (texts: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...texts),
      fc.nat(700),
      fc.oneof(fc.constantFrom(...'A-_."= {'), fc.string({ maxLength: 3 })),
      fc.nat(3),
    )
    .map(([text, at, put, cut]) => text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut));

describe("whatever a client sends to bind a device", { timeout: FUZZ_TIMEOUT }, () => {
  let store: WatchedStore;
  let browser: DeviceBrowser<object>;
  let device: Device;
  let sessions: IndexedSessions<object>;
  /** What proves the device now; what is none, for a reason each. */
  let proof: string;
  let refused: string[];
  const answer = (headers: Record<string, string | undefined>, method = "POST") =>
    sessions.bindDevice!({ ...head({ host: "shop.test", ...headers }, true), method });

  beforeAll(async () => {
    store = watchedStore();
    sessions = createSessions({ store, deviceBound: "/device", idle: false, absolute: "7d" });
    device = await newDevice();
    browser = new DeviceBrowser<object>(sessions, device);
    await browser.register();
    await browser.user();
    // A young binding opens without a proof, for requests under way.
    await browser.refresh();
    const asked = await browser.bind(await proving(browser.handle));
    const jti = challengeIn(asked.headers["Secure-Session-Challenge"]);
    proof = await device.sign({ jti });
    refused = [
      await device.sign({ jti: "another" }),
      await device.sign({ jti }, { jwk: device.jwk }),
      await (await newDevice()).sign({ jti }),
    ];
  });

  afterAll(() => sessions.close());

  it("a JWT is one of ours, to its last word, or none", () =>
    check(
      fc.asyncProperty(header, async (text) => {
        const jwt = parseJwt(text);
        if (!jwt) return;
        const [, ...parts] = /^"?([^.]*)\.([^.]*)\.([^.]*?)"?$/.exec(text)!;
        const [top, claims] = parts.slice(0, 2).map((each) => JSON.parse(Buffer.from(each, "base64url").toString()));
        expect(top.typ).toBe("dbsc+jwt");
        expect(["ES256", "RS256"]).toContain(top.alg);
        expect(Object.hasOwn(top, "crit")).toBe(false);
        expect(jwt).toMatchObject({ alg: top.alg, jti: claims.jti, signed: `${parts[0]}.${parts[1]}` });
        expect(jwt.jti).toBeTypeOf("string");
        const key = keyOf(jwt);
        if (key) expect(await isSignedBy(key, jwt)).toBe(false);
      }),
    ));

  it("what the device did not sign, to the last bit, has not its signature", async () => {
    const key = keyOf(parseJwt(refused[1])!)!;
    expect(await isSignedBy(key, parseJwt(proof)!)).toBe(true);
    const { signed, signature } = parseJwt(proof)!;
    await check(
      fc.asyncProperty(bent([proof]), async (text) => {
        const parsed = parseJwt(text);
        if (!parsed || !(await isSignedBy(key, parsed))) return;
        // Base64url has spare bits, and the header may be quoted.
        expect([parsed.signed, parsed.signature]).toEqual([signed, signature]);
      }),
    );
  });

  it("is answered without a word, changes nothing, and binds nobody", async () => {
    const record = await store.read(browser.handle);
    const { handle } = browser;
    const handles = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(handle, `"${handle}"`) },
      fc.constantFrom(`"${handle}`, `"${handle}";a`, `""${handle}""`, "", '""', '"', "__proto__"),
      bent([handle, `"${handle}"`]),
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constant(undefined),
    );
    const cookies = fc.oneof(
      fc.constantFrom(browser.cookie, browser.cookie.split("; ")[0]!, `${COOKIE}=`, undefined),
      bent([browser.cookie]),
    );
    const responses = fc.oneof(header, bent(refused), fc.constantFrom(...refused, undefined));
    await check(
      fc.asyncProperty(
        fc.record({
          "sec-secure-session-id": handles,
          "secure-session-response": responses,
          cookie: cookies,
          origin: mostly([undefined, "https://shop.test"], fc.constantFrom("null", "", "https://[", "https://x.test")),
          host: mostly(["shop.test"], fc.constantFrom("", "[", undefined)),
        }),
        fc.constantFrom("POST", "POST", "POST", "GET", ""),
        async (headers, method) => {
          store.calls.length = 0;
          const { status, headers: told, body } = await answer(headers, method);
          expect([401, 403, 405]).toContain(status);
          if (method !== "POST") expect(status).toBe(405);
          expect(body).toBe("");
          expect(told["Set-Cookie"]).toBeUndefined();
          expect(told["Cache-Control"]).toBe("no-store");
          expect(store.calls.filter((call) => call !== "read")).toEqual([]);
          expect(store.calls.length).toBeLessThanOrEqual(5);
          const id = headers["sec-secure-session-id"];
          if (status === 403) expect([handle, `"${handle}"`]).toContain(id);
          // What can be no handle never reaches the store.
          if (id !== undefined && !/^("?)[\w-]{22}\1$/.test(id)) expect(store.calls).toEqual([]);
        },
      ),
      0.5,
    );
    expect(await store.read(handle)).toEqual(record);
    expect(await browser.user()).toBe("ada");
    expect((await browser.refresh()).status).toBe(200);
  });

  it("a device's cookie other than its proof opens nothing", async () => {
    const [id, shown] = browser.cookie.split("; ") as [string, string];
    await check(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 80 }),
          bent([shown]),
          fc.array(bent([shown]), { maxLength: 9 }).map((all) => all.join("; ")),
        ),
        async (text) => {
          fc.pre(!text.split(";").some((each) => each.replace(/[ \t]/g, "") === shown));
          const { session } = await sessions.open(head({ cookie: `${id}; ${text}` }, true));
          expect(session.userId).toBeUndefined();
        },
      ),
      0.5,
    );
  });

  it("a header takes a time that grows no faster than it does", async () => {
    for (const piece of ['"', ".", "A", "A.", "A.A.A.", '"A', " ", "\\", "eyJ"]) {
      for (const name of ["secure-session-response", "sec-secure-session-id", "cookie"]) {
        const time = async (length: number): Promise<number> => {
          const value = (name === "cookie" ? `${COOKIE}=` : "") + piece.repeat(length / piece.length);
          let least = Number.POSITIVE_INFINITY;
          for (let i = 0; i < 3; i++) {
            const begin = performance.now();
            await answer({ [name]: value });
            parseJwt(value);
            least = Math.min(least, performance.now() - begin);
          }
          return least;
        };
        // As of a Cookie header, in clients.test.ts.
        expect(await time(1_600_000), `${name}: ${piece}`).toBeLessThan(64 * Math.max(await time(100_000), 1));
      }
    }
  });
});
