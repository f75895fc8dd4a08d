import type { Store } from "../../store.ts";
import { assertEntries, assertStored, type Cases, type Clients, many, put, update } from "./fixtures.ts";

/** Names and texts that some database, driver or JavaScript object would bend. */
export const hostile: readonly (readonly [what: string, text: string])[] = [
  ["the empty string", ""],
  ["NUL", "a\0b"],
  ["a control character and line ends", "\u0001\t\r\n\u2028"],
  ["spaces around", " a "],
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["toString", "toString"],
  ["null", "null"],
  ["undefined", "undefined"],
  ["an array's index", "0"],
  ["a number", "10"],
  ["2^53 + 1, which no double holds", "9007199254740993"],
  ["an emoji", "🍵👩‍👩‍👧"],
  ["Hangul", "장바구니"],
  ["the JSON escape of a lone surrogate", '"\\ud800"'],
  ["quotes", "'\"`"],
  ["backslashes", "\\ \\\\ \\n \\0"],
  ["JSON", '{"a":{"b":[1,null]}}'],
  ["a JSON path", '$.a[0]."b"'],
  ["dots", "a.b..c."],
  ["wildcards", "%_*?[a]"],
  ["placeholders", "?1 $1 :name @p"],
  ["SQL", "'); DROP TABLE sessions; --"],
  ["a very long one", "n".repeat(4096)],
];

export const entries: Cases<Store> = {
  async "a record may have no entries"({ store }) {
    const { handle, record } = await put(store, { entries: new Map([["a", "1"]]) });
    await update(store, handle, record, { remove: ["a"] });
    await assertEntries(store, handle, {});
  },

  ...Object.fromEntries(
    hostile.map(([what, text]) => [
      `any text is a name and a value: ${what}`,
      async ({ store }: Clients<Store>) => {
        const { handle, record } = await put(store, { entries: new Map([[text, text]]) });
        await assertStored(store, handle, record);
        await update(store, handle, record, { set: new Map([[text, "1"]]) });
        await assertEntries(store, handle, new Map([[text, "1"]]));
        await update(store, handle, record, { set: new Map([["neighbour", text]]), remove: [text] });
        await assertEntries(store, handle, { neighbour: text });
        await update(store, handle, record, { set: new Map([[text, text]]) });
        await assertEntries(store, handle, new Map([["neighbour", text]]).set(text, text));
      },
    ]),
  ),

  async "names that look alike are different names"({ store }) {
    const alike = new Map(["a", "A", "á", "a\u0301", "a ", "ａ"].map((name) => [name, JSON.stringify(name)]));
    const { handle, record } = await put(store, { entries: alike });
    await assertStored(store, handle, record);
    await update(store, handle, record, { remove: ["a"] });
    alike.delete("a");
    await assertEntries(store, handle, alike);
  },

  async "a text may be 1 MiB"({ store }) {
    const text = JSON.stringify("x".repeat(2 ** 20 - 2));
    const { handle, record } = await put(store, { entries: new Map([["created", text]]) });
    await update(store, handle, record, { set: new Map([["updated", text]]) });
    await assertEntries(store, handle, { created: text, updated: text });
  },

  async "a record may have 200 entries"({ store }) {
    const numbered = (from: number) => new Map(many(200, (i) => [String(from + i), `"${i}"`] as const));
    const { handle, record } = await put(store, { entries: numbered(0) });
    await assertStored(store, handle, record);
    await update(store, handle, record, { set: numbered(200), remove: [...numbered(0).keys()] });
    await assertEntries(store, handle, numbered(200));
  },
};
