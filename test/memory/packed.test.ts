import fc from "fast-check";
import { applyChange, type SessionRecord } from "holdfast";
import { describe, expect, it } from "vitest";
import { merge, pack, unpack } from "../../src/memory/packed.ts";

const name = fc.constantFrom("a", "b", "c", "__proto__", "");
const entries = fc.array(fc.tuple(name, fc.string())).map((pairs) => new Map(pairs));

describe("packed entries", () => {
  it("merge as applyChange does", () => {
    fc.assert(
      fc.property(entries, fc.option(entries), fc.option(fc.array(name)), (before, set, removed) => {
        const remove = removed?.filter((each) => !set?.has(each));
        const change = { touchedAt: 0, expiresAt: 0, ...(set && { set }), ...(remove && { remove }) };
        const record = { entries: before, version: 1 } as Partial<SessionRecord> as SessionRecord;
        const merged = unpack(merge(pack(before), change));
        expect(merged).toEqual(applyChange(record, change).entries);
      }),
    );
  });
});
