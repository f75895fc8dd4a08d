import fc from "fast-check";
import type { RequestHead } from "holdfast";
import { describe, expect, it } from "vitest";
import { candidates } from "../../../src/core/cookie.ts";
import { formatId, parseId } from "../../../src/core/id.ts";
import { bearerTransport, cookieTransport } from "../../../src/core/transport.ts";
import { check, FUZZ_TIMEOUT } from "./cases.ts";

const base64url = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."AZaz09_-"), minLength: length, maxLength: length });
const id = fc.tuple(base64url(22), base64url(43)).map((parts) => parts.join("."));

/** Near to an id: one that was cut, doubled or changed in one place. */
const bent = fc
  .tuple(id, fc.nat(70), fc.string({ maxLength: 3, unit: "binary" }), fc.nat(3))
  .map(([text, at, put, cut]) => {
    return text.slice(0, at) + put + text.slice(at + cut);
  });

const blank = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 2 });
const noise = fc.string({ unit: fc.constantFrom(...' \t;=,"\\sid%\u00a0\u0000a_-.'), maxLength: 12 });
const pair = fc
  .tuple(
    blank,
    fc.constantFrom("sid", "SID", "__Host-sid", "xsid", "sid ", ""),
    blank,
    fc.constantFrom("=", "==", ""),
    blank,
    fc.oneof(id, bent, noise),
    blank,
  )
  .map((parts) => parts.join(""));
const cookieHeader = fc.oneof(
  fc.array(fc.oneof(pair, noise), { maxLength: 12 }).map((pairs) => pairs.join(";")),
  fc.string({ unit: "binary", maxLength: 200 }),
);

const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** The same by the words of RFC 6265bis, without a thought to speed. */
function plainCandidates(header: string, name: string): string[] {
  return header.split(";").flatMap((each) => {
    const at = each.indexOf("=");
    return at >= 0 && trimmed(each.slice(0, at)) === name ? [trimmed(each.slice(at + 1))] : [];
  });
}

const head = (name: string, value: string): RequestHead => ({
  header: (asked) => (asked === name ? value : undefined),
  encrypted: false,
});

const isId = (text: string): boolean => /^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/.test(text);

describe("whatever a client sends", { timeout: FUZZ_TIMEOUT }, () => {
  it("a Cookie header is parsed as its specification says", () =>
    check(
      fc.property(cookieHeader, fc.constantFrom("sid", "__Host-sid", "s", "a="), (header, name) => {
        expect(candidates(header, name)).toEqual(plainCandidates(header, name));
      }),
    ));

  it("the cookie transport finds few ids, each of them one, and none twice", () =>
    check(
      fc.property(
        fc.oneof(
          cookieHeader,
          fc.array(fc.oneof(id, bent), { maxLength: 12 }).map((ids) => ids.map((each) => `sid=${each}`).join("; ")),
        ),
        (header) => {
          const cookie = { name: "sid", path: "/", attributes: "; Path=/" };
          const { ids, presented } = cookieTransport("auto", cookie, cookie).receive(head("cookie", header), false);
          const values = plainCandidates(header, "sid");
          expect(presented).toBe(values.length > 0);
          expect(ids.map(formatId)).toEqual([...new Set(values.filter(isId))].slice(0, 5));
        },
      ),
    ));

  it("the bearer transport finds one id or none, and no other scheme's", () =>
    check(
      fc.property(
        fc.oneof(
          fc
            .tuple(
              fc.constantFrom("Bearer", "bearer", "BEARER", "Basic", "", " Bearer", "Bearer,"),
              blank,
              fc.oneof(id, bent, noise),
              noise,
            )
            .map((parts) => parts.join("")),
          fc.string({ unit: "binary", maxLength: 100 }),
        ),
        (header) => {
          const { ids } = bearerTransport.receive(head("authorization", header), false);
          expect(ids.length).toBeLessThanOrEqual(1);
          for (const each of ids) {
            expect(header.slice(0, 6).toLowerCase()).toBe("bearer");
            expect(isId(formatId(each))).toBe(true);
            expect(header).toContain(formatId(each));
          }
        },
      ),
    ));

  it("an id is what it must be, to the last character", () =>
    check(
      fc.property(fc.oneof(id, bent, fc.string({ unit: "binary", maxLength: 80 })), (text) => {
        const parsed = parseId(text);
        expect(parsed !== undefined).toBe(isId(text));
        if (parsed) expect(formatId(parsed)).toBe(text);
      }),
    ));

  it("a header takes a time that grows no faster than it does", () => {
    const cookie = { name: "sid", path: "/", attributes: "; Path=/" };
    for (const piece of [
      "sid=",
      "sid=;",
      "=",
      ";",
      " ",
      "\t;",
      "sid ",
      "sid",
      'sid="',
      "a=b; ",
      `sid=${"x".repeat(66)};`,
    ]) {
      const time = (length: number): number => {
        const header = piece.repeat(length / piece.length);
        const times = Array.from({ length: 5 }, () => {
          const begin = performance.now();
          cookieTransport("auto", cookie, cookie).receive(head("cookie", header), false);
          return performance.now() - begin;
        });
        return Math.min(...times);
      };
      // Sixteen times as long: sixteen times the work, where squared it were 256. A minimum of 1 ms keeps the clock's grain out.
      expect(time(1_600_000), JSON.stringify(piece)).toBeLessThan(64 * Math.max(time(100_000), 1));
    }
  });
});
