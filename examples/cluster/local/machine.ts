import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Processes on 127.0.0.1 that begin and end together, and a temporary folder for each. */
export interface Machine {
  /** Starts a process, and waits until it listens at the port. */
  run(name: string, port: number, command: (folder: string) => Command): Promise<Process>;
  /** Ends every process and removes their folders. */
  end(): Promise<void>;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface Process {
  readonly name: string;
  readonly port: number;
  /** Sends it the signal and waits until it has ended. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts it once more, with what its folder holds, and waits until it listens. */
  start(): Promise<void>;
}

export function newMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), "holdfast-cluster-"));
  const running = new Set<ChildProcess>();
  const killAll = () => running.forEach((child) => void child.kill("SIGKILL"));
  const removeFolders = () => rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  // However this process ends, short of a kill -9, the others end with it.
  process.once("exit", () => {
    killAll();
    removeFolders();
  });

  return {
    async run(name, port, command) {
      const folder = join(root, name);
      mkdirSync(folder);
      const { file, args, env } = command(folder);
      const log = join(root, `${name}.log`);
      let child: ChildProcess;

      async function start(): Promise<void> {
        const output = openSync(log, "a");
        child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", output, output] });
        running.add(child);
        child.once("exit", () => running.delete(child)).once("error", () => running.delete(child));
        const hasEnded = () => !running.has(child);
        if (await until(async () => hasEnded() || listens(port)).then(hasEnded)) {
          throw new Error(`${name} did not start:\n${readFileSync(log, "utf8").slice(-2000)}`);
        }
      }

      await start();
      return {
        name,
        port,
        start,
        async end(signal) {
          if (!running.has(child)) return;
          const ended = once(child, "exit");
          child.kill(signal);
          await ended;
        },
      };
    },
    async end() {
      const ended = [...running].map((child) => once(child, "exit"));
      killAll();
      await Promise.all(ended);
      removeFolders();
    },
  };
}

/** Resolves when the condition holds. Rejects when it doesn't within 20 seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await setTimeout(30)) if (await condition()) return;
  throw new Error("It took longer than 20 seconds.");
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const opened = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}

/** Ports that are free. Below those that the system gives to clients, and so are the second ones of Redis Cluster, 10,000 above. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) ports.add(port);
  }
  return [...ports];
}
