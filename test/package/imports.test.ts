import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAst } from "vitest/node";
import { internals, root } from "./subpaths.ts";

/** What the files of one room in `src` may import, besides each other where `rooms` names the room itself. */
interface Rule {
  /** DESIGN.md's own words. */
  readonly quote: string;
  readonly rooms: readonly string[];
  /** Whether the runtime's built-ins may be imported: by every file, or by the named ones. */
  readonly builtins?: true | readonly string[];
  /** Whether a file may import the optional peer that it is named after. */
  readonly peer?: true;
  /** Whether a file that the user names may be imported. */
  readonly computed?: true;
}

const ENTRY_POINTS = ["index", "stores", "frameworks", "testing"];

/** DESIGN.md, "Who may import what". A room is a folder of `src`, or a file that lies there by itself. */
const RULES: Readonly<Record<string, Rule>> = {
  index: { quote: "index.ts: what `holdfast` exports, nothing else", rooms: ["store", "errors", "core"] },
  store: { quote: "`store`, `errors` → nothing", rooms: [] },
  errors: { quote: "`store`, `errors` → nothing", rooms: [] },
  core: {
    quote:
      "`core` → those two and itself; the core imports no package, and `crypto.node.ts` and `diagnostics.node.ts` alone know Node",
    rooms: ["store", "errors", "core"],
    builtins: ["core/crypto.node.ts", "core/diagnostics.node.ts"],
  },
  sql: {
    quote: "`sql`, `stores` → `store`, `errors`, `sql`, runtime built-ins, never `core`",
    rooms: ["store", "errors", "sql"],
    builtins: true,
  },
  redis: {
    quote:
      "`redis` is to the Redis store what `sql` is to those of SQL: `store`, `errors`, runtime built-ins, never `core`",
    rooms: ["store", "errors", "redis"],
    builtins: true,
  },
  memory: {
    quote: "`memory` is to the memory store what `sql` is to those of SQL: `store`, never `core`",
    rooms: ["store", "memory"],
  },
  stores: {
    quote: "`sql`, `stores` → `store`, `errors`, `sql`, runtime built-ins, never `core`; no driver is imported",
    rooms: ["store", "errors", "sql", "redis", "memory"],
    builtins: true,
  },
  http: { quote: "`http` → `errors`, `core`", rooms: ["errors", "core", "http"], builtins: true },
  fetch: {
    quote: "`fetch` is to adapters of the fetch standard what `http` is to those of Node: `core`, and no built-ins",
    rooms: ["store", "core", "fetch"],
  },
  next: {
    quote: "`next` is how Next's functions answer: on top of `fetch`, and no built-ins",
    rooms: ["core", "fetch", "next"],
  },
  h3: {
    quote: "`h3` is how answers leave by h3: on top of `fetch`, and no built-ins",
    rooms: ["core", "fetch", "h3"],
  },
  "react-router": {
    quote: "`react-router` is to its adapter what `sql` is to the stores of SQL: `errors`, `core`, `fetch`",
    rooms: ["errors", "core", "fetch", "react-router"],
  },
  frameworks: {
    quote:
      "`frameworks` → `store`, `errors`, `core`, `http`, `fetch`; each optional peer is imported by its own subpath alone",
    rooms: ["store", "errors", "core", "http", "fetch", "next", "h3", "react-router"],
    builtins: true,
    peer: true,
  },
  "express-session": {
    quote: "`express-session` → all but `stores` and `frameworks`",
    rooms: ["index", "store", "errors", "core", "http", "express-session"],
    builtins: true,
  },
  testing: {
    quote: "`testing` → `store`, `errors`, `core`, and no test runner",
    rooms: ["store", "errors", "core", "testing"],
    builtins: true,
  },
  cli: {
    quote: "`cli`, `admin` → the public entry points",
    rooms: [...ENTRY_POINTS, "cli"],
    builtins: true,
    computed: true,
  },
  admin: { quote: "`cli`, `admin` → the public entry points", rooms: [...ENTRY_POINTS, "admin"], builtins: true },
};

/** Peers whose subpath is named otherwise. */
const PEERS: Readonly<Record<string, string>> = { "@nestjs/common": "nest" };

const src = join(root, "src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

const roomOf = (file: string): string => file.split("/")[0]!.replace(/\.ts$/, "");

/** Whether the room of `file` (relative to `src`) lets it import `specifier`. */
function allowed(file: string, specifier: string): boolean {
  const rule = RULES[roomOf(file)];
  if (!rule) return false;
  if (specifier === COMPUTED) return rule.computed === true;
  const internal = internals.find((one) => one.specifier === specifier)?.source;
  if (internal) return roomOf(relative(src, internal)) === roomOf(file);
  if (specifier.startsWith(".")) return rule.rooms.includes(roomOf(join(dirname(file), specifier)));
  if (specifier.startsWith("node:")) return rule.builtins === true || (rule.builtins?.includes(file) ?? false);
  return rule.peer === true && file.endsWith(`/${PEERS[specifier] ?? specifier}.ts`);
}

type Node = { readonly [key: string]: unknown };

/** Every module that a file names: `import`, `export … from`, `import()` in code and in types, and Node's other ways in. */
function* specifiers(node: unknown): Generator<string> {
  if (typeof node !== "object" || node === null) return;
  const { type, source, callee, arguments: args } = node as Node;
  if (type === "CallExpression" && LOADERS.has(calledName(callee as Node))) yield literal((args as Node[])[0]);
  else if (typeof type === "string" && /^(Import|Export|TSImport)/.test(type) && source) yield literal(source as Node);
  for (const child of Object.values(node)) yield* specifiers(child);
}

const LOADERS = new Set<unknown>(["require", "createRequire", "getBuiltinModule"]);

const calledName = (callee: Node): unknown => callee.name ?? (callee.property as Node | undefined)?.name;

/** A computed name can't be judged. */
const COMPUTED = "a computed module name";
const literal = (node?: Node): string => (typeof node?.value === "string" ? node.value : COMPUTED);

const specifiersIn = (text: string): string[] => [...specifiers(parseAst(text, { lang: "ts" }))];

describe("who may import what", () => {
  it.each(Object.entries(RULES))("is kept in %s", (room, { quote }) => {
    const broken = files
      .filter((file) => roomOf(file) === room)
      .flatMap((file) =>
        specifiersIn(readFileSync(join(src, file), "utf8"))
          .filter((specifier) => !allowed(file, specifier))
          .map((specifier) => `src/${file} imports ${specifier}`),
      );
    expect(broken, `DESIGN.md, "Who may import what": ${quote}`).toEqual([]);
  });

  it("is decided for every room", () => {
    expect(
      files.filter((file) => !RULES[roomOf(file)]),
      "a room of src without a line in RULES",
    ).toEqual([]);
  });

  it.each([
    ["core/sessions.ts", "../stores/memory.ts"],
    ["core/sessions.ts", "node:crypto"],
    ["core/cookie.ts", "cookie"],
    ["stores/redis.ts", "../core/id.ts"],
    ["stores/redis.ts", "#crypto"],
    ["stores/redis.ts", "redis"],
    ["store.ts", "./errors.ts"],
    ["frameworks/node.ts", "express"],
    ["frameworks/express.ts", "../stores/memory.ts"],
    ["frameworks/ws.ts", "@nestjs/common"],
    ["testing/kit.ts", "vitest"],
    ["attic/old.ts", "../store.ts"],
  ])("lets no src/%s import %s", (file, specifier) => {
    expect(allowed(file, specifier)).toBe(false);
  });

  it("sees every way to import", () => {
    const text = `
      import a, { type B } from "a";
      import type { C } from "b";
      import "c";
      export * from "d";
      export type { E } from "e";
      type F = import("f").F;
      const g = await import("g");
      const h = process.getBuiltinModule("h");
      const i = await import(a);
      // import "in a comment";
    `;
    expect(specifiersIn(text)).toEqual([..."abcdefgh", "a computed module name"]);
  });
});
