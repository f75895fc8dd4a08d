import { join } from "node:path";
import type { Backend } from "./backend.ts";
import { freePorts, newMachine, type Process } from "./machine.ts";
import { startNginx } from "./nginx.ts";
import { createDatabase } from "./postgres.ts";
import { startRedis } from "./redis.ts";

export interface Cluster {
  readonly url: string;
  readonly backend: Backend;
  readonly apps: readonly Process[];
  end(): Promise<void>;
}

const app = join(import.meta.dirname, "../app.ts");

/** Starts all of it on this machine, on free ports of 127.0.0.1. */
export async function startCluster(store: "redis" | "postgres"): Promise<Cluster> {
  const machine = newMachine();
  const backend = await (store === "redis" ? startRedis(machine) : createDatabase());
  const end = async () => {
    await machine.end();
    await backend.end();
  };
  try {
    const apps = await Promise.all(
      (await freePorts(3)).map((port, i) =>
        machine.run(`app${i + 1}`, port, () => ({
          file: process.execPath,
          args: [...process.execArgv, app],
          env: { ...backend.env, HOST: "127.0.0.1", PORT: String(port) },
        })),
      ),
    );
    const nginx = await startNginx(machine, apps);
    return { url: `http://127.0.0.1:${nginx.port}`, backend, apps, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The cluster that the command line names. Ctrl-C ends it, at any time. */
export async function startNamed(name = "redis"): Promise<Cluster> {
  if (name !== "redis" && name !== "postgres") throw new Error(`There are redis and postgres, but no ${name}.`);
  let cluster: Cluster | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await cluster?.end();
      process.exit(130);
    });
  }
  cluster = await startCluster(name);
  return cluster;
}
