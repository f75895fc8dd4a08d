import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../package/subpaths.ts";

/** Folders of examples/ with a package.json. */
export const examples: readonly string[] = readdirSync(join(root, "examples")).filter((name) =>
  existsSync(join(root, "examples", name, "package.json")),
);

/** A temporary folder outside the repository, so that no example finds a package that it doesn't have, and what `npm pack` made of this one. */
export interface Workshop {
  readonly path: string;
  tarball(): Promise<string>;
}

export interface App {
  readonly folder: string;
  readonly url: string;
  /** What it wrote to its console. */
  log(): string;
  stop(): Promise<void>;
}

const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

export function newWorkshop(): Workshop {
  const path = mkdtempSync(join(tmpdir(), "holdfast-examples-"));
  let packed: Promise<string> | undefined;
  const pack = async (): Promise<string> => {
    const [{ filename }] = JSON.parse(await npm(root, "pack", "--json", "--pack-destination", path));
    return join(path, filename);
  };
  return {
    path,
    tarball: () => {
      packed ??= pack();
      return packed;
    },
  };
}

/** A copy of the example, with what the tests add to it, installed and built. Answers its folder. */
export async function prepare(workshop: Workshop, name: string): Promise<string> {
  const folder = join(workshop.path, name);
  const source = join(root, "examples", name);
  const isOwn = (path: string): boolean => !/\/(node_modules|\.next|\.svelte-kit|build|dist)$/.test(path);
  cpSync(source, folder, { recursive: true, filter: isOwn });
  const additions = join(import.meta.dirname, name);
  if (existsSync(additions)) cpSync(additions, folder, { recursive: true });

  await npm(folder, "ci", "--include=dev", "--no-audit", "--no-fund");
  await npm(folder, "install", "--no-save", "--include=dev", "--no-audit", "--no-fund", await workshop.tarball());
  await npm(folder, "run", "build", "--if-present");
  return folder;
}

/** In which the visitors say, as a proxy would, that they come by http. */
export const PROTOCOL_HEADER = "x-forwarded-proto";

export async function start(folder: string): Promise<App> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn("npm", ["start"], {
    cwd: folder,
    // The last is SvelteKit's, which takes a server to be one of https where no proxy says otherwise.
    env: { ...env, PORT: String(port), HOST: "127.0.0.1", DATABASE: join(folder, "test.db"), PROTOCOL_HEADER },
    stdio: ["ignore", "pipe", "pipe"],
    // npm, its shell and the server end together.
    detached: true,
  });
  let written = "";
  const listen = (chunk: Buffer): void => {
    written += chunk;
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  await answers(url, child, () => written);
  return { folder, url, log: () => written, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  process.kill(-child.pid!, "SIGTERM");
  await ended;
}

async function answers(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (child.exitCode === null && Date.now() < deadline) {
    const up = await fetch(url).then(
      () => true,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop(child);
  throw new Error(`The example does not answer:\n${log()}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("npm", args, { cwd, env, maxBuffer: 2 ** 26 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${args.join(" ")}:\n${stdout}\n${stderr}`, { cause: error });
  }
}
