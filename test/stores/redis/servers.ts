import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A redis-server or valkey-server of a test's own, with nothing on disk unless its arguments say so. */
export interface Server {
  readonly port: number;
  readonly process: ChildProcess;
  /** Kills it, as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with what it has on disk. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

const READY = /Ready to accept connections|Sentinel ID is/;

export async function startServer(binary: string, ...args: string[]): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  const port = await freePort();
  const isSentinel = args.includes("--sentinel");
  const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  if (!isSentinel) fixed.push("--save", "", "--appendonly", "no");
  // A Sentinel writes what it learns into its file.
  const file = join(folder, "server.conf");
  writeFileSync(file, "");
  let child: ChildProcess;

  async function start(): Promise<void> {
    child = spawn(binary, [file, ...fixed, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    for await (const line of createInterface({ input: child.stdout! })) {
      said += `${line}\n`;
      if (!READY.test(line)) continue;
      child.stdout!.resume();
      return;
    }
    throw new Error(`${binary} did not start:\n${said}`);
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  await start();
  return {
    port,
    get process() {
      return child;
    },
    kill,
    restart: start,
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Below the range that the system gives to clients, and so is a Cluster node's second port, 10000 above. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
