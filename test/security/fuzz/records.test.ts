import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { isHoldfastError } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encrypted } from "../../../src/core/encryption.ts";
import { decode, encode } from "../../../src/redis/record.ts";
import { recordOf } from "../../../src/sql/record.ts";
import type { SessionRecord, Store } from "../../../src/store.ts";
import { check, FUZZ_TIMEOUT } from "./cases.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const entries = fc.dictionary(text, text, { maxKeys: 5 }).map((object) => new Map(Object.entries(object)));
const time = fc.integer({ min: 0, max: 2 ** 42 });
const record: fc.Arbitrary<SessionRecord> = fc.record(
  {
    secretHash: fc.constant(`1:${"h".repeat(43)}`),
    previousHash: fc.constant(`1:${"p".repeat(43)}`),
    graceUntil: time,
    entries,
    userId: text,
    createdAt: time,
    authenticatedAt: time,
    touchedAt: time,
    expiresAt: time,
    version: fc.integer({ min: 1, max: 2 ** 31 }),
  },
  { requiredKeys: ["secretHash", "entries", "createdAt", "touchedAt", "expiresAt", "version"] },
);

/** A text with a piece cut out and another put in. */
const damaged = (whole: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      whole,
      fc.nat(400),
      fc.nat(20),
      fc.string({ unit: fc.constantFrom("\0", "\u0001", "1", "9", "-", "x", "{", '"', "\\", "é"), maxLength: 4 }),
    )
    .map(([all, at, cut, put]) => {
      const from = at % (all.length + 1);
      return all.slice(0, from) + put + all.slice(from + cut);
    });

/** Answers the record, or undefined where the text is called corrupt. Any other error is the decoder's fault. */
function decoded(read: () => SessionRecord): SessionRecord | undefined {
  try {
    return read();
  } catch (error) {
    expect(isHoldfastError(error) && error.code, String(error)).toBe("record-corrupt");
    return undefined;
  }
}

/** Whatever text a row held, what comes out is a record of the right types. */
function expectWellFormed(found: SessionRecord | undefined): void {
  if (!found) return;
  const {
    secretHash,
    previousHash,
    graceUntil = 0,
    userId,
    createdAt,
    authenticatedAt = 0,
    touchedAt,
    expiresAt,
    version,
  } = found;
  for (const each of [graceUntil, createdAt, authenticatedAt, touchedAt, expiresAt, version])
    expect(each).toBeTypeOf("number");
  for (const each of [graceUntil, createdAt, authenticatedAt, touchedAt, expiresAt, version])
    expect(each).not.toBeNaN();
  for (const each of [secretHash, previousHash ?? "", userId ?? ""]) expect(each).toBeTypeOf("string");
  for (const [name, each] of found.entries) expect([typeof name, typeof each]).toEqual(["string", "string"]);
}

describe("whatever a record became in the store", { timeout: FUZZ_TIMEOUT }, () => {
  it("Redis's text is decoded to what was encoded", () =>
    check(
      fc.property(record, (given) => {
        expect(decode("h", encode(given, "c".repeat(12)))).toEqual(given);
      }),
    ));

  it("Redis's text is decoded to a record, or is corrupt", () =>
    check(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary", maxLength: 300 }),
          damaged(record.map((each) => encode(each, "c".repeat(12)))),
        ),
        (value) => {
          expectWellFormed(decoded(() => decode("h", value)));
        },
      ),
    ));

  it("an SQL row's entries are decoded to texts, or are corrupt", () =>
    check(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string({ unit: "binary", maxLength: 100 }),
          damaged(entries.map((each) => JSON.stringify(Object.fromEntries(each)))),
        ),
        (json) => {
          const row = ["h", "1:x", null, null, null, 1, null, 1, 1, 1, 1, json];
          expectWellFormed(decoded(() => recordOf(row)));
        },
      ),
    ));

  describe("encrypted", () => {
    let sealed: string;
    let planted = new Map<string, string>();
    let store: Store;
    beforeAll(async () => {
      const bare: Store = {
        read: async () => ({
          secretHash: "1:x",
          entries: planted,
          createdAt: 1,
          touchedAt: 1,
          expiresAt: 1,
          version: 1,
        }),
        create: async (_handle, { entries }) => {
          sealed = entries.get("a")!;
          return "created" as const;
        },
        update: async () => ({ status: "gone" }),
        delete: async () => false,
        sweep: async () => 0,
        close: async () => {},
      };
      store = encrypted(bare, [new Uint8Array(randomBytes(32))]).store;
      const times = { createdAt: 1, touchedAt: 1, expiresAt: 1 };
      await store.create("h", { secretHash: "1:x", entries: new Map([["a", '"tea"']]), ...times, version: 1 });
    });
    afterAll(() => store.close());

    const alphabet = fc.constantFrom(..."AZaz09_-~.1=");
    const change = fc.tuple(fc.nat(100), fc.nat(3), fc.string({ unit: alphabet, maxLength: 4 }));
    it("a text that was changed in any place is corrupt, unless it says the same", () =>
      check(
        fc.asyncProperty(
          fc.oneof(change, fc.string({ unit: "binary", maxLength: 100 })),
          fc.constantFrom("a", "b"),
          async (how, name) => {
            const [at, cut, put] = typeof how === "string" ? [0, sealed.length, how] : how;
            const from = at % (sealed.length + 1);
            const value = sealed.slice(0, from) + put + sealed.slice(from + cut);
            planted = new Map([[name, value]]);
            const found = await Promise.resolve(store.read("h")).catch((error: unknown) => {
              expect(isHoldfastError(error) && error.code).toBe("record-corrupt");
              return undefined;
            });
            // Base64url has a few ways to write the same bytes; whatever opens is what was sealed, under its own name.
            if (found) expect([...found.entries]).toEqual([["a", '"tea"']]);
          },
        ),
        0.5,
      ));
  });
});
