import fc from "fast-check";
import { createSessions, isHoldfastError, type SessionsOptions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { describe, expect, it } from "vitest";
import { head } from "../../core/client.ts";
import { check, FUZZ_TIMEOUT } from "./cases.ts";

const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true, maxDepth: 2 });
const likely = fc.constantFrom<unknown>(
  ...[
    true,
    false,
    0,
    1,
    -1,
    NaN,
    Infinity,
    "",
    "30m",
    "0m",
    "1d",
    "auto",
    "none",
    "lax",
    "strict",
    "error",
    "read-only",
  ],
  ...[
    "cookie",
    "bearer",
    "/",
    "/a",
    "a; b",
    "__Host-sid",
    "__Secure-x",
    "example.com",
    "a\r\nb",
    "x".repeat(64),
    "x".repeat(5000),
  ],
);
const value = fc.oneof(likely, anything);

/** What the option takes, but for one time in sixteen: most cases of a dozen such are to be taken. */
const mostly = (...right: unknown[]) =>
  fc.oneof({ weight: 15, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: value });

const cookie = fc.record(
  {
    name: mostly("sid", "s!#$%&'*+-.^_`|~", "__Host-sid", "__Secure-x", "n".repeat(256)),
    domain: mostly(undefined, "shop.test", ".shop.test", "localhost"),
    path: mostly("/", "/a", "/a b,=", `/${"p".repeat(1023)}`),
    secure: mostly(true, "auto", false),
    sameSite: mostly("lax", "strict", "none"),
    partitioned: mostly(false, true),
    priority: mostly("low", "medium", "high", undefined),
    persistent: mostly(true, false),
  },
  { requiredKeys: [] },
);
const KEY = "0123456789abcdefghijklmnopqrstuvwxyz";
const known = fc.record(
  {
    cookie: fc.oneof({ weight: 15, arbitrary: cookie }, { weight: 1, arbitrary: value }),
    idle: mostly("30m", 1000, false),
    absolute: mostly("12h", "500d", 60_000),
    renew: mostly(false, "15m"),
    transport: mostly("cookie", "cookie", "bearer"),
    trustProxy: mostly(false, true),
    keys: mostly(
      KEY,
      [KEY, KEY.toUpperCase()],
      new Uint8Array(32).map((_, i) => i),
    ),
    serializer: mostly(undefined),
    timeout: mostly("5s", 1000),
    maxPerUser: mostly(undefined, 1, { sessions: 3, beyond: "refuse" }),
    onStoreError: mostly("error", "read-only"),
    csrf: mostly(false, true, { allow: ["https://pay.test"] }),
    clearSiteData: mostly(false, true),
    deviceBound: mostly(undefined, undefined, undefined, "/device", { path: "/device", lifetime: "10m" }),
  },
  { requiredKeys: [] },
);
const options = fc.oneof(
  { weight: 15, arbitrary: known },
  { weight: 1, arbitrary: fc.tuple(known, value).map(([all, unknown]) => ({ ...all, unknown })) },
);

/** What no attribute of a cookie may be besides. */
const SET_COOKIE =
  /^[\w!#$%&'*+\-.^`|~]+=[\w-]{22}\.[\w-]{43}(; Domain=[\w.-]+)?; Path=\/[^;\p{Cc}]*; HttpOnly(; Secure)?; SameSite=(Strict|Lax|None)(; Partitioned)?(; Priority=(Low|Medium|High))?(; Max-Age=\d+)?$/u;

describe("whatever the options are", { timeout: FUZZ_TIMEOUT }, () => {
  it("they are refused by one of holdfast's errors, or taken, and then the cookie is well-formed", async () => {
    let cases = 0;
    let cookies = 0;
    await check(
      fc.asyncProperty(options, fc.boolean(), async (given, encrypted) => {
        cases++;
        let sessions: ReturnType<typeof createSessions>;
        try {
          sessions = createSessions({ store: memoryStore(), ...given } as SessionsOptions);
        } catch (error) {
          expect(isHoldfastError(error) && error.code, String(error)).toMatch(/^option-/);
          return;
        }
        // What an app passes as a function is the app's.
        const { transport, serializer } = given as Record<string, unknown>;
        if (["function", "object"].includes(typeof transport) || serializer !== undefined) return sessions.close();
        const exchange = await sessions.open(head({ host: "localhost" }, encrypted));
        Object.assign(exchange.session.data, { a: 1 });
        const { setCookie } = await Promise.resolve(exchange.commit()).catch((error) => {
          // A timeout of 1 ms may be over.
          expect(error).toMatchObject({ code: "store-timeout" });
          return exchange.abandon();
        });
        await sessions.close();
        if (setCookie === undefined) return;
        cookies++;
        expect(setCookie).toMatch(SET_COOKIE);
        // What browsers would drop without a word.
        if (setCookie.startsWith("__Host-")) expect(setCookie).toMatch(/^[^;]+; Path=\/; HttpOnly; Secure;/);
        if (/^__|SameSite=None|; Partitioned/.test(setCookie)) expect(setCookie).toContain("; Secure;");
      }),
    );
    // Where all were refused, nothing would have been tried.
    expect(cookies).toBeGreaterThan(cases / 20);
  });
});
