/**
 * Looks at the package as its users get it: packs it, installs the tarball into an empty project, and there imports, type-checks and
 * bundles every subpath. `npm run check:package` builds first and then runs this.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import manifest from "../../package.json" with { type: "json" };
import { root, subpaths } from "./subpaths.ts";

/** What a subpath's bundle may weigh and hold. */
interface Bundle {
  readonly subpath: string;
  /** As which runtime resolves `#crypto`: Node unless it says so. */
  readonly web?: true;
  /** Bytes, minified and gzipped: some 15% above what it was when last looked at. */
  readonly budget: number;
  /** The only modules that the bundle leaves to be imported. */
  readonly imports: readonly string[];
  /** Strings that would show that something got in. */
  readonly never: readonly string[];
}

const STORES = ["node:sqlite", "holdfast_sessions", "CREATE TABLE"];

const BUNDLES: readonly Bundle[] = [
  {
    subpath: "holdfast",
    budget: 18_600,
    imports: ["node:crypto", "node:diagnostics_channel"],
    never: [...STORES, "express"],
  },
  { subpath: "holdfast", web: true, budget: 18_600, imports: [], never: [...STORES, "express", "node:"] },
  { subpath: "holdfast/node", budget: 3_500, imports: ["node:http"], never: [...STORES, "express"] },
  { subpath: "holdfast/fetch", web: true, budget: 2_200, imports: [], never: [...STORES, "express", "node:"] },
  { subpath: "holdfast/opentelemetry", budget: 1_000, imports: [], never: [...STORES, "express", "node:"] },
  { subpath: "holdfast/express", budget: 6_200, imports: ["node:crypto", "node:http"], never: STORES },
  {
    subpath: "holdfast/fastify",
    budget: 3_700,
    imports: ["node:http"],
    never: [...STORES, "express"],
  },
  {
    subpath: "holdfast/koa",
    budget: 6_200,
    imports: ["node:crypto", "node:http"],
    never: [...STORES, "express"],
  },
  { subpath: "holdfast/react-router", web: true, budget: 3_000, imports: [], never: [...STORES, "express", "node:"] },
  {
    subpath: "holdfast/sveltekit",
    web: true,
    budget: 5_400,
    imports: ["node:async_hooks"],
    never: [...STORES, "express"],
  },
  { subpath: "holdfast/next", web: true, budget: 3_200, imports: [], never: [...STORES, "express", "node:"] },
  {
    subpath: "holdfast/hono",
    web: true,
    budget: 4_800,
    imports: [],
    never: [...STORES, "express", "node:"],
  },
  {
    subpath: "holdfast/h3",
    web: true,
    budget: 5_400,
    imports: ["h3"],
    never: [...STORES, "express", "node:"],
  },
  { subpath: "holdfast/ws", budget: 2_800, imports: ["node:http"], never: [...STORES, "express"] },
  { subpath: "holdfast/socket.io", budget: 2_800, imports: ["node:http"], never: [...STORES, "express"] },
  { subpath: "holdfast/nest", budget: 1_000, imports: ["@nestjs/common"], never: STORES },
  {
    subpath: "holdfast/express-session",
    budget: 14_000,
    imports: ["node:crypto", "node:events", "node:http"],
    never: STORES,
  },
  { subpath: "holdfast/stores/memory", budget: 3_200, imports: [], never: [...STORES, "node:"] },
  {
    subpath: "holdfast/stores/redis",
    budget: 5_800,
    imports: ["node:crypto"],
    never: [...STORES, "express"],
  },
  {
    subpath: "holdfast/stores/sqlite",
    budget: 4_600,
    imports: ["node:path", "node:sqlite", "node:timers/promises"],
    never: ["express"],
  },
  { subpath: "holdfast/stores/postgres", budget: 5_200, imports: ["node:crypto"], never: ["node:sqlite", "express"] },
  { subpath: "holdfast/stores/d1", web: true, budget: 3_400, imports: [], never: ["node:", "express"] },
  { subpath: "holdfast/stores/mysql", budget: 5_600, imports: ["node:buffer"], never: ["node:sqlite", "express"] },
  { subpath: "holdfast/doctor", budget: 20_800, imports: ["node:crypto", "node:diagnostics_channel"], never: STORES },
  {
    subpath: "holdfast/testing",
    budget: 39_000,
    imports: ["node:assert/strict", "node:crypto", "node:diagnostics_channel", "node:http", "node:https"],
    never: [...STORES, "vitest"],
  },
];

/** Subpaths that need a package of the app's: their types are made of its types or add to them, and h3's and Nest's also import it. */
const NEEDS: Readonly<Record<string, string>> = {
  "holdfast/fastify": "fastify",
  "holdfast/hono": "hono",
  "holdfast/h3": "h3",
  "holdfast/nest": "@nestjs/common",
};

/** No bundle may load a driver, in whatever way: the app hands its client in. */
const DRIVER = /["'`](pg|postgres|redis|@redis\/client|ioredis|iovalkey|mysql2?|better-sqlite3|sqlite3|mongodb)["'`]/;

const PUBLISHED =
  /^(package\.json|LICENSE|README(\.ko)?\.md|CHANGELOG\.md|SECURITY\.md|dist\/.+\.(c?js|c?js\.map|d\.c?ts))$/;
const REQUIRED = ["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"];

const problems: string[] = [];
const specifiers = subpaths.map(({ specifier }) => specifier);
const standalone = specifiers.filter((specifier) => !(specifier in NEEDS));
const temporary = mkdtempSync(join(tmpdir(), "holdfast-package-"));
const app = join(temporary, "app");
const installed = join(app, "node_modules", manifest.name);

try {
  const tarball = pack();
  install(tarball);
  await lint(tarball);
  readMaps();
  importAll("every subpath that needs no framework", standalone);
  await runEverywhere();
  typeCheck("every subpath that needs no framework", standalone, ["node"]);
  typeCheck("the core without Node's types", ["holdfast", "holdfast/stores/memory"], []);
  moveFromExpressSession();
  linkFrameworks();
  importAll("the subpaths that need their framework", Object.keys(NEEDS));
  const strict = ["holdfast/fastify", "holdfast/hono", "holdfast/nest"];
  typeCheck(strict.join(", "), strict, ["node"]);
  // h3's own declarations are of a program that has the DOM's, and not as strict as ours.
  typeCheck("holdfast/h3", ["holdfast/h3"], ["node"], { lib: ["es2023", "dom", "dom.iterable"], skipLibCheck: true });
  await bundleAll();
  await compareSizes();
} finally {
  rmSync(temporary, { recursive: true });
  for (const problem of problems) console.error(`\n✗ ${problem}`);
}
if (problems.length > 0) process.exitCode = 1;

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Where a tool fails, what it printed becomes a problem, and the checks go on. */
function check(what: string, cwd: string, command: string, ...args: string[]): void {
  try {
    run(cwd, command, ...args);
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    problems.push(`${what}:\n${stdout ?? ""}${stderr ?? error}`);
  }
}

function pack(): string {
  const output = run(root, "npm", "pack", "--json", "--pack-destination", temporary);
  const [packed] = JSON.parse(output) as [{ filename: string; size: number; files: { path: string }[] }];
  const files = packed.files.map(({ path }) => path);
  for (const path of files) if (!PUBLISHED.test(path)) problems.push(`${path} is packed, and is not for publishing`);
  for (const path of REQUIRED) if (!files.includes(path)) problems.push(`${path} is not packed`);
  console.log(`${packed.filename}: ${files.length} files, ${kilobytes(packed.size)}\n`);
  return join(temporary, packed.filename);
}

/** Into a project of its own, with no peer and nothing else that could lend it a module. */
function install(tarball: string): void {
  mkdirSync(app);
  write("package.json", JSON.stringify({ private: true, type: "module" }));
  run(app, "npm", "install", "--offline", "--no-audit", "--no-fund", tarball);
}

async function lint(tarball: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
  for (const message of messages) problems.push(`publint: ${formatMessage(message, pkg, { color: false })}`);
  check("attw", root, bin("attw"), tarball, "--profile", "esm-only", "--no-color", "--no-emoji");
}

/** A debugger shows the source through its map; `src` is not published, so the map must hold it. */
function readMaps(): void {
  const dist = join(installed, "dist");
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".map") && !("sourcesContent" in JSON.parse(readFileSync(join(dist, file), "utf8")))) {
      problems.push(`dist/${file} does not hold its source`);
    }
  }
}

/** `require()` too: it loads ES modules, as long as none awaits at its top. */
function importAll(what: string, specifiers: readonly string[]): void {
  write(
    "import.js",
    `import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    for (const specifier of ${JSON.stringify(specifiers)}) {
      await import(specifier);
      require(specifier);
    }`,
  );
  check(`importing ${what}`, app, process.execPath, "import.js");
}

/**
 * As a user's own code, unbundled on Node, Bun and Deno, and as wrangler bundles it on workerd. Tells which hashes a runtime takes: those of node:crypto come
 * at once, WebCrypto's don't.
 */
async function runEverywhere(): Promise<void> {
  write(
    "smoke.js",
    `import { createSessions } from "holdfast";
    import { fetchSessions } from "holdfast/fetch";
    import { memoryStore } from "holdfast/stores/memory";
    export async function smoke(store = memoryStore()) {
      const sessions = createSessions({ store });
      const fetch = fetchSessions(sessions, async (_request, session) => {
        return new Response(String(await session.update("n", (n = 0) => n + 1)));
      });
      const first = await fetch(new Request("http://smoke.test/"));
      const cookie = first.headers.getSetCookie()[0].split(";")[0];
      const second = await fetch(new Request("http://smoke.test/", { headers: { cookie } }));
      const opened = sessions.open({ header: (name) => (name === "cookie" ? cookie : undefined), encrypted: false });
      return [await second.text(), opened instanceof Promise ? "WebCrypto" : "node:crypto"].join(" by ");
    }`,
  );
  write(
    "run-smoke.js",
    `import { sqliteStore } from "holdfast/stores/sqlite";
    import { smoke } from "./smoke.js";
    const answers = [await smoke(), (await smoke(sqliteStore(":memory:"))).split(" ")[0]];
    console.log(answers.join(", "));`,
  );
  const expect = (runtime: string, answer: string, expected: string): void => {
    if (answer !== expected) problems.push(`the package on ${runtime} answers ${answer} and not ${expected}`);
  };
  const nodes = ["node22", "node26"].map((name) => join(root, "test/runtimes/node_modules", name, "bin/node"));
  const deno = ["run", "--quiet", "--no-prompt", "--allow-read"];
  for (const [program, ...args] of [...nodes.map((node) => [node]), [bin("bun")], [bin("deno"), ...deno]]) {
    if (!existsSync(program!)) {
      if (process.env.CI) problems.push(`There is no ${program} to run the package on.`);
      else console.log(`skipped: the package on ${program}, which is not installed`);
      continue;
    }
    try {
      expect(program!, run(app, program!, ...args, "run-smoke.js").trim(), "2 by node:crypto, 2");
    } catch (error) {
      problems.push(`running the package on ${program}:\n${(error as { stderr?: string }).stderr ?? error}`);
    }
  }
  const { outputFiles } = await build({
    stdin: {
      contents:
        'import { smoke } from "./smoke.js"; export default { fetch: async () => new Response(await smoke()) };',
      resolveDir: app,
    },
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    write: false,
  });
  const flare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-07-01",
    cf: false,
  });
  try {
    expect("workerd", await (await flare.dispatchFetch("http://smoke.test/")).text(), "2 by WebCrypto");
  } finally {
    await flare.dispose();
  }
}

function linkFrameworks(): void {
  for (const name of Object.values(NEEDS)) {
    const link = join(app, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
}

/** CommonJS, as old apps are written: `require` answers the function, and both kinds of module may add to the session's types. */
function moveFromExpressSession(): void {
  write(
    "old.cjs",
    `const session = require("holdfast/express-session");
    if (typeof session !== "function") process.exit(1);
    module.exports = class extends session.Store {};`,
  );
  write(
    "named.js",
    `import session, { Cookie, expressStore, expressTransport, MemoryStore, Session, Store, toExpressStore } from "./node_modules/holdfast/dist/express-session/index.cjs";
    if (session.Store !== Store || !MemoryStore || !Session || !Cookie) process.exit(1);
    if (!session.toExpressStore || !toExpressStore || !expressStore || !expressTransport) process.exit(1);`,
  );
  // As jest does, this Node requires no ES module.
  for (const file of ["old.cjs", "named.js"]) {
    check(`running ${file}`, app, process.execPath, "--no-experimental-require-module", file);
  }
  write(
    "old.cts",
    `import session = require("holdfast/express-session");
    declare module "holdfast/express-session" { interface SessionData { views: number } }
    abstract class Old extends session.Store {}
    const options: session.SessionOptions = { secret: "tea", store: new session.MemoryStore() };
    session(options);
    declare const req: Express.Request;
    req.session.views satisfies number | undefined;
    export = Old;`,
  );
  compile("the drop-in's CommonJS types", ["old.cts"], ["node"]);
}

/**
 * As strictly as a user could, the package's own types included. They import each other as `./x.ts`, as the sources do: TypeScript finds the
 * `.d.ts` there since 5.0.
 */
function typeCheck(
  what: string,
  specifiers: readonly string[],
  types: readonly string[],
  options: Readonly<Record<string, unknown>> = {},
): void {
  write("app.ts", specifiers.map((specifier, i) => `export * as _${i} from ${JSON.stringify(specifier)};`).join("\n"));
  compile(what, ["app.ts"], types, options);
}

function compile(
  what: string,
  files: readonly string[],
  types: readonly string[],
  options: Readonly<Record<string, unknown>> = {},
): void {
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types,
    typeRoots: [join(root, "node_modules/@types")],
    ...options,
  };
  write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  check(`type-checking ${what}`, app, bin("tsc"), "-p", "tsconfig.json");
}

async function bundleAll(): Promise<void> {
  const width = Math.max(...BUNDLES.map((bundle) => title(bundle).length));
  const print = (name: string, sizes: string[], imports: string): void =>
    console.log([name.padEnd(width), ...sizes.map((size) => size.padStart(9)), imports].join("  ").trimEnd());

  for (const specifier of specifiers) {
    if (!BUNDLES.some(({ subpath }) => subpath === specifier)) problems.push(`${specifier} has no line in BUNDLES`);
  }
  print("subpath", ["minified", "gzipped", "budget"], "imports");
  for (const bundle of BUNDLES) {
    const { text, imports } = await bundled(bundle);
    const gzipped = gzipSync(text, { level: 9 }).length;
    print(title(bundle), [Buffer.byteLength(text), gzipped, bundle.budget].map(kilobytes), imports.join(" "));

    const complain = (what: string): void => void problems.push(`the bundle of ${title(bundle)} ${what}`);
    if (gzipped > bundle.budget) complain(`has ${gzipped} bytes, over its budget of ${bundle.budget}`);
    for (const path of imports) if (!bundle.imports.includes(path)) complain(`imports ${path}`);
    for (const part of bundle.never) if (text.includes(part)) complain(`holds "${part}"`);
    const driver = DRIVER.exec(text);
    if (driver) complain(`holds ${driver[0]}, a driver's name`);
  }
}

/** What a Worker's bundle takes up, beside what others would: nobody's store is in it but those that a library brings along in its one entry. */
async function compareSizes(): Promise<void> {
  const entries: Record<string, readonly [code: string, resolveDir: string]> = {
    "holdfast and holdfast/fetch": ['export * from "holdfast"; export * from "holdfast/fetch";', app],
    "iron-session": ['export * from "iron-session";', root],
    "hono-sessions": ['export * from "hono-sessions";', root],
  };
  console.log("\nbeside others, for Workers: minified, gzipped");
  for (const [name, [contents, resolveDir]] of Object.entries(entries)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir },
      bundle: true,
      minify: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["workerd", "worker", "browser"],
      external: ["node:*"],
      write: false,
      logLevel: "silent",
    });
    const { text } = outputFiles[0]!;
    const sizes = [Buffer.byteLength(text), gzipSync(text, { level: 9 }).length].map(kilobytes);
    console.log([name.padEnd(30), ...sizes.map((size) => size.padStart(9))].join("  "));
  }
}

function title({ subpath, web }: Bundle): string {
  return web ? `${subpath}, on the web` : subpath;
}

async function bundled({ subpath, web }: Bundle): Promise<{ text: string; imports: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from ${JSON.stringify(subpath)};`, resolveDir: app },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    conditions: web ? [] : ["node"],
    external: ["node:*", ...Object.keys(manifest.peerDependencies)],
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  return { text: outputFiles[0]!.text, imports: [...new Set(output!.imports.map(({ path }) => path))] };
}

function write(file: string, text: string): void {
  writeFileSync(join(app, file), text);
}

function bin(name: string): string {
  return join(root, "node_modules/.bin", name);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
