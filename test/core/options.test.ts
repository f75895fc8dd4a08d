import fc from "fast-check";
import { createSessions, type Duration, isHoldfastError, type SessionsOptions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { describe, expect, it } from "vitest";
import { milliseconds } from "../../src/core/duration.ts";
import { nearest } from "../../src/core/misspelt.ts";
import { settle } from "../../src/core/options.ts";

const store = memoryStore();

/** The error of these options, which a JavaScript user may write. */
function refusal(options: object): { code: string; message: string; details: object } {
  try {
    createSessions({ store, ...options } as SessionsOptions);
  } catch (error) {
    if (isHoldfastError(error)) return error;
    throw error;
  }
  throw new Error("the options were taken");
}

describe("createSessions", () => {
  it("needs a store alone", () => {
    const { limits, secure, persistent, secureCookie, plainCookie, trustProxy, timeout } = settle({ store });
    expect({ limits, secure, persistent, trustProxy, timeout }).toEqual({
      limits: { idle: 30 * 60_000, absolute: 12 * 3_600_000, renew: Infinity },
      secure: "auto",
      persistent: false,
      trustProxy: false,
      timeout: 5000,
    });
    expect(plainCookie).toMatchObject({ name: "sid", attributes: "; Path=/; HttpOnly; SameSite=Lax" });
    expect(secureCookie).toMatchObject({ name: "__Host-sid", attributes: "; Path=/; HttpOnly; Secure; SameSite=Lax" });
  });

  it("refuses what is no store, with the way to get one", () => {
    for (const wrong of [undefined, null, "memory", {}, new Map()]) {
      expect(refusal({ store: wrong })).toMatchObject({
        code: "option-invalid",
        message: expect.stringContaining("memoryStore()"),
        details: { option: "store" },
      });
    }
    expect(() => createSessions(undefined as never)).toThrow("must be an object");
  });

  it("names the option that was meant", () => {
    expect(refusal({ idel: "30m" })).toMatchObject({
      code: "option-unknown",
      message: "There is no option idel: did you mean idle?",
      details: { option: "idel", meant: "idle" },
    });
    expect(refusal({ trustproxy: true }).message).toContain("did you mean trustProxy?");
    expect(refusal({ cookie: { samesite: "lax" } })).toMatchObject({
      message: "There is no option cookie.samesite: did you mean cookie.sameSite?",
      details: { option: "cookie.samesite", meant: "cookie.sameSite" },
    });
  });

  it("says where the options of express-session went", () => {
    const moved = { secret: "nothing to sign", resave: "what changed", rolling: "idle", name: "cookie.name" };
    for (const [option, word] of Object.entries(moved)) expect(refusal({ [option]: 1 }).message).toContain(word);
    expect(refusal({ cookie: { maxAge: 1000 } }).message).toContain("idle");
    expect(refusal({ cookie: { httpOnly: false } }).message).toContain("always is");
  });

  it("names the one that was meant of those, too", () => {
    expect(refusal({ saveUnitnitialized: false })).toMatchObject({
      message:
        "There is no option saveUnitnitialized: did you mean saveUninitialized? (a session without data is never stored: leave it out)",
      details: { option: "saveUnitnitialized" },
    });
    expect(refusal({ saemSite: "lax" }).message).toContain("it is cookie.sameSite");
    expect(refusal({ cookie: { HttpOnly: true } }).message).toContain("always is");
    expect(refusal({ maxPerUser: { session: 3, beyond: "refuse" } }).message).toContain("maxPerUser.sessions?");
    expect(refusal({ csrf: { allowed: [] } }).message).toContain("did you mean csrf.allow?");
    expect(refusal({ deviceBound: { path: "/device", ttl: "5m" } }).message).toContain("there are path, lifetime");
  });

  it("takes no option's name for what every object has", () => {
    for (const option of ["toString", "constructor", "__proto__"]) {
      expect(refusal({ [option]: 1 }).message).toContain("there are store, idle");
    }
  });

  it("refuses keys that are undefined, as an environment variable is that nobody has set", () => {
    expect(refusal({ keys: undefined })).toMatchObject({
      code: "option-invalid",
      message: expect.stringContaining("set the variable"),
      details: { option: "keys" },
    });
  });

  it("refuses durations that can't be meant", () => {
    for (const wrong of [
      "",
      "30",
      "30 minutes",
      "-1m",
      0,
      -1,
      Number.NaN,
      Infinity,
      null,
      true,
      {},
      "1e3s",
      "36501d",
      1e300,
    ]) {
      expect(refusal({ idle: wrong })).toMatchObject({ code: "option-invalid", details: { option: "idle" } });
    }
    expect(refusal({ timeout: false }).details).toEqual({ option: "timeout" });
  });

  it("refuses a session that would never end", () => {
    expect(refusal({ idle: false, absolute: false }).code).toBe("option-conflict");
    expect(settle({ store, idle: false }).limits).toMatchObject({ idle: Infinity, absolute: 12 * 3_600_000 });
  });

  it("refuses cookies that browsers drop", () => {
    const wrong = [
      { sameSite: "none" },
      { sameSite: "none", secure: false },
      { partitioned: true },
      { name: "__Host-sid" },
      { name: "__host-sid" },
      { name: "__Secure-sid", secure: false },
      { name: "__Host-sid", secure: true, domain: "example.com" },
      { name: "__Host-sid", secure: true, path: "/app" },
    ];
    for (const cookie of wrong) expect(refusal({ cookie }).code).toBe("option-conflict");
    for (const cookie of [{ sameSite: "none" }, { partitioned: true }, { name: "__Host-sid" }] as const) {
      expect(settle({ store, cookie: { ...cookie, secure: true } }).secureCookie.attributes).toContain("Secure");
    }
  });

  it("lets nothing into Set-Cookie that would end an attribute", () => {
    const wrong = [
      { name: "s;d" },
      { name: "" },
      { name: "s d" },
      { name: "sid\r\n" },
      { name: "x".repeat(257) },
      { domain: "example.com; Path=/" },
      { domain: "exa mple" },
      { domain: "" },
      { path: "app" },
      { path: "/a;b" },
      { path: "/a\n" },
      { path: `/${"x".repeat(1024)}` },
      { sameSite: "Lax; Secure" },
      { sameSite: true },
      { priority: "highest" },
      { secure: "yes" },
      { persistent: 1 },
    ];
    for (const cookie of wrong) expect(refusal({ cookie }).code).toBe("option-invalid");
    expect(refusal({ cookie: true }).code).toBe("option-invalid");
  });

  it("lets no text into Set-Cookie that reads as an attribute (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("name", "domain", "path"), (text, option) => {
        try {
          const { plainCookie } = settle({ store, cookie: { [option]: text } });
          const line = `${plainCookie.name}=v${plainCookie.attributes}`;
          expect(line).toMatch(/^[\x20-\x7e]+$/);
          expect(line.split(";").length).toBe(option === "domain" ? 5 : 4);
        } catch (error) {
          if (!isHoldfastError(error)) throw error;
        }
      }),
    );
  });
});

describe("a duration", () => {
  it("is milliseconds, or a number with its unit", () => {
    const known: [Duration, number][] = [
      [1500, 1500],
      ["250ms", 250],
      ["5s", 5000],
      ["1.5m", 90_000],
      ["12h", 43_200_000],
      ["7d", 604_800_000],
      ["2w", 1_209_600_000],
    ];
    for (const [duration, ms] of known) expect(milliseconds(duration, "idle")).toBe(ms);
  });
});

describe("the option meant", () => {
  it("is the nearest known word, unless none is near", () => {
    expect(nearest("saveUnitnitialized", ["resave", "saveUninitialized"])).toBe("saveUninitialized");
    expect(nearest("stroe", ["store", "idle"])).toBe("store");
    expect(nearest("xyz", ["store", "idle"])).toBeUndefined();
  });
});
