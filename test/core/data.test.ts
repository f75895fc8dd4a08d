import { inspect } from "node:util";
import fc from "fast-check";
import { isHoldfastError, type Serializer } from "holdfast";
import { describe, expect, it } from "vitest";
import { strictJson } from "../../src/core/codec.ts";
import { Entries } from "../../src/core/data.ts";

type Data = Record<string, unknown>;

const base = (entries: ReadonlyMap<string, string>) => ({ record: { entries } });

function tracked(stored: Data = {}, serializer: Serializer = strictJson) {
  const texts = new Map(Object.entries(stored).map(([name, value]) => [name, JSON.stringify(value)]));
  const unreadable: string[] = [];
  const entries = new Entries(base(texts), serializer, (name) => unreadable.push(name));
  return { entries, data: entries.data as Data, unreadable, texts };
}

const changes = ({ entries }: { entries: Entries }) => {
  const { set, remove } = entries.changes();
  return { set: Object.fromEntries(set), remove };
};
const nothing = { set: {}, remove: [] };

describe("session.data", () => {
  it("reads what is stored, and parses an entry when it is first touched", () => {
    const parsed: string[] = [];
    const parse = (text: string): unknown => {
      parsed.push(text);
      return JSON.parse(text);
    };
    const { data } = tracked({ cart: ["tea"], views: 1 }, { ...strictJson, parse });
    expect(parsed).toEqual([]);
    expect(data.cart).toEqual(["tea"]);
    expect(data.cart).toBe(data.cart);
    expect(parsed).toEqual(['["tea"]']);
  });

  it("has no change after reading alone", () => {
    const session = tracked({ cart: ["tea"], views: 1 });
    expect({ ...session.data }).toEqual({ cart: ["tea"], views: 1 });
    expect(changes(session)).toEqual(nothing);
  });

  it("has a change for each entry that is set, removed, or changed deep within", () => {
    const session = tracked({ cart: [{ id: 1, n: 1 }], views: 1, theme: "dark", user: { name: "Ada" } });
    (session.data.cart as { n: number }[])[0]!.n++;
    session.data.views = 2;
    delete session.data.theme;
    expect(changes(session)).toEqual({ set: { cart: '[{"id":1,"n":2}]', views: "2" }, remove: ["theme"] });
  });

  it("has no change where a value became what it was", () => {
    const session = tracked({ views: 1, user: { name: "Ada" } });
    session.data.views = 2;
    session.data.views = 1;
    session.data.user = { name: "Ada" };
    delete session.data.missing;
    session.data.gone = 1;
    delete session.data.gone;
    expect(changes(session)).toEqual(nothing);
  });

  it("takes undefined as a removal", () => {
    const session = tracked({ views: 1 });
    session.data.views = undefined;
    expect("views" in session.data).toBe(false);
    expect(Object.keys(session.data)).toEqual([]);
    expect(changes(session)).toEqual({ set: {}, remove: ["views"] });
  });

  it("behaves as a plain object without a prototype", () => {
    const { data } = tracked({ a: 1 });
    data.b = 2;
    expect(Object.keys(data)).toEqual(["a", "b"]);
    expect(JSON.stringify(data)).toBe('{"a":1,"b":2}');
    expect("a" in data && !("toString" in data)).toBe(true);
    expect(Object.getPrototypeOf(data)).toBe(null);
    expect(Object.entries(data)).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(data).toEqual({ a: 1, b: 2 });
    expect(inspect(data)).toBe("{ a: 1, b: 2 }");
    Object.assign(data, { c: 3 });
    Object.defineProperty(data, "d", { value: 4 });
    expect({ ...data }).toEqual({ a: 1, b: 2, c: 3, d: 4 });
    expect(() => Object.setPrototypeOf(data, {})).toThrow(TypeError);
    expect(() => Object.freeze(data)).toThrow(TypeError);
  });

  it("keeps hostile names as entries like any other", () => {
    const session = tracked();
    for (const name of ["__proto__", "constructor", "toString", "", "0", "a.b"])
      session.data[name] = { polluted: true };
    expect(({} as Data).polluted).toBeUndefined();
    // biome-ignore lint/suspicious/noProto: the very name under test
    expect(session.data.__proto__).toEqual({ polluted: true });
    expect(changes(session).remove).toEqual([]);
    expect(session.entries.changes().set.size).toBe(6);
  });

  it("neither shows nor takes holdfast's own entries", () => {
    const { data } = tracked({ "~flash:x": "hi", a: 1 });
    expect(Object.keys(data)).toEqual(["a"]);
    expect(data["~flash:x"]).toBeUndefined();
    expect("~flash:x" in data).toBe(false);
    expect(() => {
      data["~flash:x"] = 1;
    }).toThrow(expect.objectContaining({ code: "entry-reserved" }));
    expect(() => delete data["~flash:x"]).toThrow(expect.objectContaining({ code: "entry-reserved" }));
  });

  it("takes no name that is not well-formed text, which a database would change", () => {
    const { data } = tracked();
    expect(() => {
      data["\ud800"] = 1;
    }).toThrow(expect.objectContaining({ code: "argument-invalid" }));
    data["\ud83c\udf75"] = "\ud800";
    expect(data["🍵"]).toBe("\ud800");
  });

  it("reads an unreadable entry as missing, reports it, and can overwrite it", () => {
    const session = tracked({ a: 1 });
    session.entries.rebase(base(new Map([["a", "{"]])));
    expect(session.data.a).toBeUndefined();
    expect(session.unreadable).toEqual(["a"]);
    expect(changes(session)).toEqual(nothing);
    session.data.a = 2;
    expect(changes(session)).toEqual({ set: { a: "2" }, remove: [] });
  });

  it("throws on a change once the response has ended", () => {
    const { entries, data } = tracked({ a: 1 });
    entries.seal();
    expect(data.a).toBe(1);
    expect(() => {
      data.a = 2;
    }).toThrow(expect.objectContaining({ code: "headers-sent" }));
  });

  it("comes back from its texts as it went in (property)", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((name) => !name.startsWith("~")),
          fc.jsonValue(),
        ),
        (values) => {
          const session = tracked();
          for (const [name, value] of Object.entries(values)) session.data[name] = value;
          session.entries.rebase(base(session.entries.changes().set));
          session.entries.forget();
          for (const [name, value] of Object.entries(values)) {
            expect(session.data[name]).toEqual(JSON.parse(JSON.stringify(value)));
          }
          expect(changes(session)).toEqual(nothing);
        },
      ),
    );
  });
});

describe("a value that JSON can't hold", () => {
  const cycle: Data = {};
  cycle.self = { cycle };
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const values: [what: string, value: unknown, path: string][] = [
    ["a BigInt", 1n, "x"],
    ["a BigInt within", { a: [1, { b: 2n }] }, "x.a[1].b"],
    ["a cycle", cycle, "x.self.cycle"],
    ["a function", () => {}, "x"],
    ["a function within", { a: { f() {} } }, "x.a.f"],
    ["a symbol", Symbol("s"), "x"],
    ["a Map", { m: new Map([[1, 2]]) }, "x.m"],
    ["a Set", new Set([1]), "x"],
    ["a regular expression", { r: [/x/] }, "x.r[0]"],
    ["an Error", new Error("no"), "x"],
    ["bytes", new Uint8Array(2), "x"],
    ["a promise", { p: Promise.resolve() }, "x.p"],
    ["undefined in a list", [1, undefined], "x[1]"],
    ["NaN", { n: Number.NaN }, "x.n"],
    ["Infinity", -Infinity, "x"],
    ["a value too deep", deep, "x"],
    [
      "a getter that throws",
      {
        get a() {
          throw new Error("no");
        },
      },
      "x",
    ],
  ];

  for (const [what, value, path] of values) {
    it(`is refused by its entry's name: ${what}`, () => {
      const session = tracked();
      session.data.x = value;
      let error: unknown;
      try {
        session.entries.changes();
      } catch (thrown) {
        error = thrown;
      }
      expect(isHoldfastError(error)).toBe(true);
      expect(error).toMatchObject({ code: "entry-unserializable", details: { entry: "x", path } });
      expect((error as Error).message).toContain('"x"');
    });
  }

  it("is not one that says itself how it is written", () => {
    const session = tracked();
    session.data.when = new Date(0);
    session.data.twice = [cycle, cycle].map(() => ({ toJSON: () => 1 }));
    const shared = { a: 1 };
    session.data.shared = [shared, shared];
    expect(changes(session).set).toEqual({
      when: '"1970-01-01T00:00:00.000Z"',
      twice: "[1,1]",
      shared: '[{"a":1},{"a":1}]',
    });
  });

  it("that another serializer refuses is an error that names the serializer, with its own as the cause", () => {
    const cause = new Error("no");
    const throwing = tracked(
      {},
      {
        ...strictJson,
        stringify: () => {
          throw cause;
        },
      },
    );
    throwing.data.a = 1;
    expect(() => throwing.entries.changes()).toThrow(
      expect.objectContaining({
        code: "entry-unserializable",
        message: expect.stringContaining("option serializer throws"),
        cause,
      }),
    );
    const silent = tracked({}, { ...strictJson, stringify: () => undefined });
    silent.data.a = 1;
    expect(() => silent.entries.changes()).toThrow("option serializer answers no well-formed text");
  });

  it("may be one that another serializer holds", () => {
    const serializer: Serializer = {
      stringify: (value) => (typeof value === "bigint" ? `${value}n` : JSON.stringify(value)),
      parse: (text) => (text.endsWith("n") ? BigInt(text.slice(0, -1)) : JSON.parse(text)),
    };
    const session = tracked({}, serializer);
    session.data.big = 2n ** 64n;
    expect(changes(session).set).toEqual({ big: "18446744073709551616n" });
  });
});
