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
const cookie = fc.oneof(
  value,
  fc.record(
    {
      name: value,
      domain: value,
      path: value,
      secure: value,
      sameSite: value,
      partitioned: value,
      priority: value,
      persistent: value,
    },
    { requiredKeys: [] },
  ),
);
const NAMES = [
  "idle",
  "absolute",
  "renew",
  "transport",
  "trustProxy",
  "keys",
  "serializer",
  "timeout",
  "maxPerUser",
  "onStoreError",
  "csrf",
  "clearSiteData",
];
const options = fc.record(
  { cookie, ...Object.fromEntries(NAMES.map((name) => [name, value])), unknown: value, __proto__: value },
  { requiredKeys: [] },
);

/** What no attribute of a cookie may be besides. */
const SET_COOKIE =
  /^[\w!#$%&'*+\-.^`|~]+=[\w-]{22}\.[\w-]{43}(; Domain=[\w.-]+)?; Path=\/[^;\p{Cc}]*; HttpOnly(; Secure)?; SameSite=(Strict|Lax|None)(; Partitioned)?(; Priority=(Low|Medium|High))?(; Max-Age=\d+)?$/u;

describe("whatever the options are", { timeout: FUZZ_TIMEOUT }, () => {
  it("they are refused by one of holdfast's errors, or taken, and then the cookie is well-formed", () =>
    check(
      fc.asyncProperty(options, fc.boolean(), async (given, encrypted) => {
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
        const { setCookie } = await exchange.commit();
        if (setCookie !== undefined) expect(String(setCookie)).toMatch(SET_COOKIE);
        await sessions.close();
      }),
    ));
});
