import { parse } from "cookie";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { candidates, clearCookie, cookieName, formatAttributes, setCookie } from "../../src/core/cookie.ts";

const plain = { path: "/", sameSite: "lax", partitioned: false } as const;

describe("the candidates in a Cookie header", () => {
  it("are the values of all cookies of the name, in order", () => {
    expect(candidates("sid=a; other=b; sid=c", "sid")).toEqual(["a", "c"]);
    expect(candidates(undefined, "sid")).toEqual([]);
    expect(candidates("", "sid")).toEqual([]);
  });

  it("match the whole name in its very case", () => {
    expect(candidates("xsid=1; sidx=2; SID=3; sid=4; =5; sid; s id=6", "sid")).toEqual(["4"]);
  });

  it("are trimmed of spaces and tabs alone", () => {
    expect(candidates(" sid\t=\t a ;sid=\u00a0b\u00a0", "sid")).toEqual(["a", "\u00a0b\u00a0"]);
  });

  it("keep quotes, percent signs and further equals signs as they are", () => {
    expect(candidates('sid="a"; sid=%41; sid=a=b=; sid=', "sid")).toEqual(['"a"', "%41", "a=b=", ""]);
  });

  it("begin with what the cookie package reads", () => {
    const name = fc.constantFrom("sid", "sidx", "x", "SID", "__proto__", "constructor");
    const value = fc.string({ unit: fc.constantFrom(..."ab.-_%= \t\"'") });
    const blank = fc.constantFrom("", " ", "\t", "  ");
    const pair = fc.tuple(blank, name, blank, value).map(([a, b, c, d]) => `${a}${b}${c}=${d}`);
    const header = fc.array(fc.oneof(pair, name, fc.constant(""))).map((pairs) => pairs.join(";"));
    fc.assert(
      fc.property(header, (text) => {
        const theirs = parse(text, { decode: (raw) => raw });
        for (const each of ["sid", "__proto__", "constructor"]) expect(candidates(text, each)[0]).toBe(theirs[each]);
      }),
    );
  });

  it("are found in any text without a crash", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => Array.isArray(candidates(text, "s"))),
    );
  });

  it("are found in linear time", () => {
    // Counted, not timed: each character is looked at a bounded number of times.
    let looks = 0;
    const counting = (text: string): string => {
      const target = Object(text) as string & Record<string, unknown>;
      return new Proxy(target, {
        get(_, key) {
          if (key === "indexOf") {
            return (part: string, from: number) => {
              const at = text.indexOf(part, from);
              looks += (at < 0 ? text.length : at) - from + 1;
              return at;
            };
          }
          const member = (text as unknown as Record<PropertyKey, unknown>)[key];
          return typeof member === "function" ? member.bind(text) : member;
        },
      });
    };
    for (const text of [";".repeat(16_000), `${";".repeat(16_000)}=`, "=;".repeat(8000), "a".repeat(16_000)]) {
      looks = 0;
      candidates(counting(text), "sid");
      expect(looks).toBeLessThan(3 * text.length);
    }
  });
});

describe("a Set-Cookie", () => {
  it("is a memory cookie, HttpOnly and SameSite=Lax", () => {
    expect(setCookie("sid", "v", formatAttributes(plain, false))).toBe("sid=v; Path=/; HttpOnly; SameSite=Lax");
  });

  it("persists by Max-Age in whole seconds, 400 days at most", () => {
    expect(setCookie("sid", "v", "", 1500)).toBe("sid=v; Max-Age=2");
    expect(setCookie("sid", "v", "", 1e15)).toBe("sid=v; Max-Age=34560000");
  });

  it("says what it was told to", () => {
    const all = { domain: "example.com", path: "/a", sameSite: "none", partitioned: true, priority: "high" } as const;
    expect(formatAttributes(all, true)).toBe(
      "; Domain=example.com; Path=/a; HttpOnly; Secure; SameSite=None; Partitioned; Priority=High",
    );
  });

  it("clears with the attributes it was set with", () => {
    const attributes = formatAttributes({ ...plain, path: "/a" }, true);
    expect(clearCookie("sid", attributes)).toBe(
      "sid=; Path=/a; HttpOnly; Secure; SameSite=Lax; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    );
  });
});

describe("the cookie's name", () => {
  it("gets the prefix that fits on https", () => {
    expect(cookieName("sid", plain, true)).toBe("__Host-sid");
    expect(cookieName("sid", { ...plain, domain: "example.com" }, true)).toBe("__Secure-sid");
    expect(cookieName("sid", { ...plain, path: "/a" }, true)).toBe("__Secure-sid");
  });

  it("is left alone on http, and where it has a prefix", () => {
    expect(cookieName("sid", plain, false)).toBe("sid");
    expect(cookieName("__Host-sid", plain, true)).toBe("__Host-sid");
    expect(cookieName("__secure-sid", plain, true)).toBe("__secure-sid");
  });
});
