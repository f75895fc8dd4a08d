import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../package/subpaths.ts";
import type { Block } from "./blocks.ts";

/** A folder for what a test writes, within the repository, so that it finds the packages. To be removed by the test. */
export function newFolder(): { path: string; remove(): void } {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const path = mkdtempSync(join(root, ".tmp/docs-"));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

/** An app out of a document, at work. */
export interface Example {
  readonly url: string;
  stop(): Promise<void>;
}

/** Runs an app as its reader would: from a file of its own, in a process of its own. */
export async function start({ code }: Block, folder: string): Promise<Example> {
  writeFileSync(join(folder, "app.ts"), code);
  return run("app.ts", folder);
}

/** Runs a server's file, in a process of its own. It leaves what it writes in `folder`. */
export async function run(file: string, folder: string): Promise<Example> {
  const child = fork(file, {
    cwd: folder,
    env: { ...process.env, PORT: "0" },
    execArgv: ["--import", join(import.meta.dirname, "from-source.ts")],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const port = await portOf(child);
  return {
    url: `http://localhost:${port}`,
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}

/** The port that `from-source.ts` tells. */
async function portOf(child: ChildProcess): Promise<number> {
  let complaints = "";
  child.stderr?.on("data", (chunk) => {
    complaints += chunk;
  });
  const ended = once(child, "close").then(() => {
    throw new Error(`The example ended before it listened:\n${complaints}`);
  });
  const [port] = await Promise.race([once(child, "message"), ended]);
  return port;
}

/** A browser with one cookie. It follows no redirect by itself. */
export class Browser {
  readonly #url: string;
  cookie: string | undefined;

  constructor({ url }: Example, cookie?: string) {
    this.#url = url;
    this.cookie = cookie;
  }

  async request(method: "GET" | "POST", path: string, form?: Record<string, string>): Promise<Response> {
    const headers = this.cookie ? { cookie: this.cookie } : undefined;
    const body = form && new URLSearchParams(form);
    const response = await fetch(this.#url + path, { method, headers, body, redirect: "manual" });
    const pair = response.headers.getSetCookie()[0]?.split(";", 1)[0];
    if (pair) this.cookie = pair.endsWith("=") ? undefined : pair;
    return response;
  }

  /** What the page says: its first paragraph, or all of it where it has none. */
  async page(): Promise<string> {
    const text = await (await this.request("GET", "/")).text();
    return /<p>(.*)<\/p>/.exec(text)?.[1] ?? text;
  }
}
