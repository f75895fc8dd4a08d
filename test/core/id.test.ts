import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as node from "../../src/core/crypto.node.ts";
import * as web from "../../src/core/crypto.web.ts";
import { formatId, hashSecret, matchSecret, newHandle, newSecret, parseId, sameText } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/store.ts";

const record = (fields: Partial<SessionRecord>): SessionRecord => ({
  secretHash: "1:current",
  entries: new Map(),
  createdAt: 0,
  touchedAt: 0,
  expiresAt: 1,
  version: 1,
  ...fields,
});

describe("a session id", () => {
  it("is 128 random bits that name the session and 256 that prove it", () => {
    expect(newHandle()).toMatch(/^[\w-]{22}$/);
    expect(newSecret()).toMatch(/^[\w-]{43}$/);
    expect(new Set(Array.from({ length: 1000 }, newSecret)).size).toBe(1000);
  });

  it("is parsed back to its two parts", () => {
    const id = { handle: newHandle(), secret: newSecret() };
    expect(parseId(formatId(id))).toEqual(id);
  });

  it("is nothing but exactly that form", () => {
    const id = formatId({ handle: newHandle(), secret: newSecret() });
    for (const other of ["", ".", id.slice(1), `${id}x`, `${id}\n`, ` ${id}`, id.replace(".", "~"), `"${id}"`]) {
      expect(parseId(other)).toBeUndefined();
    }
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => parseId(text) === undefined));
  });

  it("is hashed alike by Node's crypto and by WebCrypto", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => (await web.sha256(text)) === node.sha256(text)),
    );
    expect(web.random(32)).toMatch(/^[\w-]{43}$/);
    // The hash of "abc", as FIPS 180-2 gives it.
    expect(await hashSecret("abc")).toBe("1:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  });
});

describe("a secret's hash against a record", () => {
  it("is the current one, or wrong", () => {
    expect(matchSecret(record({}), "current", 0)).toBe("current");
    for (const wrong of ["", "currenT", "curren", "current ", "1:current"]) {
      expect(matchSecret(record({}), wrong, 0)).toBe("wrong");
    }
    expect(matchSecret(record({ secretHash: "2:current" }), "current", 0)).toBe("wrong");
  });

  it("is compared to its end, wherever the two differ", () => {
    const hash = "h".repeat(43);
    for (const at of [0, 21, 42, undefined]) {
      let seen = 0;
      const digest = {
        length: hash.length,
        charCodeAt(index: number) {
          seen++;
          return index === at ? 0 : hash.charCodeAt(index);
        },
      };
      expect(sameText(digest as string, hash)).toBe(at === undefined);
      expect(seen, `different at ${at}`).toBe(hash.length);
    }
  });

  it("is the previous one until its grace ends, and superseded from then on", () => {
    const rotated = record({ previousHash: "1:before", graceUntil: 100 });
    expect(matchSecret(rotated, "before", 99)).toBe("previous");
    expect(matchSecret(rotated, "before", 100)).toBe("superseded");
    expect(matchSecret(record({ previousHash: "1:before" }), "before", 0)).toBe("superseded");
  });
});
