import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "../package/subpaths.ts";
import { app, type Block, blocks, list } from "./blocks.ts";
import { newFolder } from "./example.ts";

/** What excerpts take as given: the quick start's surroundings. An example that imports or declares a name has its own. */
const PRELUDE = `
  import type { IndexedSessions, IndexedStore, SessionData } from "holdfast";

  declare global {
    const app: import("express").Express;
    const req: import("express").Request;
    const sessions: IndexedSessions<SessionData>;
    const url: string;
    const user: { id: string };
    const form: { remember?: string };
    const myStore: () => IndexedStore;
    const socketSession: import("holdfast/ws").SocketSession<{ room: string }>;
    const serve: import("holdfast/testing").Serve;
    const secret: string;
    const redisStore: import("holdfast/express-session").Store;

    type ErrorRequestHandler = import("express").ErrorRequestHandler;
    const createServer: typeof import("node:http").createServer;
    const createSessions: typeof import("holdfast").createSessions;
    const isHoldfastError: typeof import("holdfast").isHoldfastError;
    const expressSessions: typeof import("holdfast/express").expressSessions;
    const nodeSessions: typeof import("holdfast/node").nodeSessions;
    const nodeDeviceBinding: typeof import("holdfast/node").nodeDeviceBinding;
    const fetchDeviceBinding: typeof import("holdfast/fetch").fetchDeviceBinding;
    const fetchSessions: typeof import("holdfast/fetch").fetchSessions;
    const measureSessions: typeof import("holdfast/opentelemetry").measureSessions;
    const traceStore: typeof import("holdfast/opentelemetry").traceStore;
    const metrics: typeof import("@opentelemetry/api").metrics;
    const trace: typeof import("@opentelemetry/api").trace;
    const doctor: typeof import("holdfast/doctor").doctor;
    const openSession: typeof import("holdfast/fetch").openSession;
    const svelteKitSessions: typeof import("holdfast/sveltekit").svelteKitSessions;
    const building: boolean;
    const reactRouterSessions: typeof import("holdfast/react-router").reactRouterSessions;
    const reactRouterSessionStorage: typeof import("holdfast/react-router").reactRouterSessionStorage;
    const sessionMiddleware: import("react-router").MiddlewareFunction<Response>[];
    const sessionContext: import("holdfast/react-router").SessionContext<SessionData>;
    const redirect: typeof import("react-router").redirect;
    const checkPassword: (form: FormData) => Promise<string>;
    namespace Route {
      type LoaderArgs = import("react-router").LoaderFunctionArgs;
      type ActionArgs = import("react-router").ActionFunctionArgs;
    }
    const nextSessions: typeof import("holdfast/next").nextSessions;
    const Hono: typeof import("hono").Hono;
    const honoSessions: typeof import("holdfast/hono").honoSessions;
    const H3: typeof import("h3").H3;
    const h3Sessions: typeof import("holdfast/h3").h3Sessions;
    const memoryStore: typeof import("holdfast/stores/memory").memoryStore;
    const sqliteStore: typeof import("holdfast/stores/sqlite").sqliteStore;
    const session: typeof import("holdfast/express-session").default;
    const toExpressStore: typeof import("holdfast/express-session").toExpressStore;
    const expressStore: typeof import("holdfast/express-session").expressStore;
    const expressTransport: typeof import("holdfast/express-session").expressTransport;
    const barrier: typeof import("holdfast/testing").barrier;
    const loginAs: typeof import("holdfast/testing").loginAs;
  }
`;

const STUBS = {
  "my-store.ts": 'export declare const myStore: () => import("holdfast").IndexedStore;',
  // Nitro is no package of this repository, nor is Next: `npm run test:examples` holds their examples to the real types.
  "../sessions.ts": `
    export declare const middleware: import("h3").Middleware;
    export declare const session: import("holdfast/h3").H3Sessions<{ views: number }>["session"];`,
  "nitro.d.ts": 'declare module "nitro/h3" { export { defineHandler } from "h3"; }',
  "next.d.ts": `
    declare module "@/sessions" {
      export const withSession: import("holdfast/next").NextSessions<{ views: number }>["withSession"];
    }
    declare module "next/headers" {
      export const cookies: import("holdfast/next").NextRequest["cookies"];
      export const headers: import("holdfast/next").NextRequest["headers"];
    }
    declare module "next/cache" { export function refresh(): void; }
    declare module "next/navigation" { export function redirect(url: string): never; }
    declare module "next/server" {
      export interface NextRequest extends Request { nextUrl: URL }
      export class NextResponse extends Response { static next(): NextResponse; static redirect(url: URL): NextResponse; }
    }`,
};

const folder = newFolder();
afterAll(folder.remove);

/** What tsc says of the examples as one program, by the repository's own rules. Lines are those of the document. */
async function complaints(name: string, examples: readonly Block[], others: Record<string, string>): Promise<string> {
  const program = join(folder.path, name);
  mkdirSync(program);
  const write = (file: string, text: string) => writeFileSync(join(program, file), text);
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  write("tsconfig.json", JSON.stringify({ extends: "../../../tsconfig.json", include: ["./*.ts"], compilerOptions }));
  for (const { file, line, code } of examples) {
    write(`${file.replaceAll("/", "__")}.${line}.ts`, `${"\n".repeat(line - 1)}${code}\nexport {};\n`);
  }
  for (const [file, text] of Object.entries(others)) write(file, text);
  const tsc = join(root, "node_modules/.bin/tsc");
  return promisify(execFile)(tsc, ["-p", "."], { cwd: program }).then(
    () => "",
    ({ stdout }) => stdout,
  );
}

const isTypeScript = ({ language }: Block) => language === "ts";

describe("under the strict compiler", () => {
  it.each(["express", "node:http"])("the quick start for %s is sound as printed", async (framework) => {
    expect(await complaints(framework.replace(":", "-"), [app("README.md", framework)], {})).toBe("");
  });

  it.each([
    ["documents", ["README.md", ...list("docs", ".md")]],
    ["comments of the source", list("src", ".ts")],
  ])("every example in the %s is sound", async (name, files) => {
    const examples = files.flatMap(blocks).filter(isTypeScript);
    expect(examples).not.toEqual([]);
    expect(await complaints(name.replaceAll(" ", "-"), examples, { "prelude.ts": PRELUDE, ...STUBS })).toBe("");
  });
});
