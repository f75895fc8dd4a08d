import { describe, expect, it } from "vitest";
import { clearCookie, formatAttributes, setCookie } from "../../src/core/cookie.ts";
import { currentCookies, parseSetCookie } from "../../src/fetch/cookies.ts";

const plain = { path: "/", sameSite: "lax", partitioned: false } as const;

describe("parseSetCookie", () => {
  it("takes apart what the core writes", () => {
    const full = { domain: "shop.test", path: "/a", sameSite: "none", partitioned: true, priority: "high" } as const;
    expect(parseSetCookie(setCookie("__Secure-sid", "handle.secret", formatAttributes(full, true), 90_000))).toEqual({
      name: "__Secure-sid",
      value: "handle.secret",
      domain: "shop.test",
      path: "/a",
      httpOnly: true,
      secure: true,
      sameSite: "none",
      partitioned: true,
      priority: "high",
      maxAge: 90,
    });
  });

  it("leaves out what isn't said", () => {
    expect(parseSetCookie(setCookie("sid", "h.s", formatAttributes(plain, false)))).toEqual({
      name: "sid",
      value: "h.s",
      path: "/",
      httpOnly: true,
      sameSite: "lax",
    });
  });

  it("keeps a removed cookie's empty value, and both of its ends", () => {
    expect(parseSetCookie(clearCookie("sid", formatAttributes(plain, false)))).toMatchObject({
      value: "",
      maxAge: 0,
      expires: new Date(0),
    });
  });
});

describe("currentCookies", () => {
  it("answers the header as it came where nothing was set, several of one name among it", () => {
    const header = "sid=planted; theme=a%20b; sid=own";
    const current = [
      { name: "sid", value: "own" },
      { name: "theme", value: "a b" },
    ];
    expect(currentCookies(header, current)).toBe(header);
    expect(currentCookies(undefined, [])).toBeUndefined();
  });

  it("puts what this request has set in place of all that came under that name", () => {
    expect(currentCookies("sid=old; theme=dark; sid=other", [{ name: "sid", value: "new" }])).toBe(
      "theme=dark; sid=new",
    );
    expect(currentCookies("sid=old", [{ name: "sid", value: "" }])).toBe("sid=");
    expect(currentCookies(null, [{ name: "sid", value: "new" }])).toBe("sid=new");
  });

  it("makes no cookie out of another one's decoded value", () => {
    expect(currentCookies("", [{ name: "theme", value: "dark; sid=planted" }])).toBe("theme=dark%3B%20sid%3Dplanted");
  });
});
