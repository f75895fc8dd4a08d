import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Backend } from "./backend.ts";
import { freePorts, type Machine, type Process, until } from "./machine.ts";

/** Redis Cluster: three primaries, and a replica for each. */
export async function startRedis(machine: Machine): Promise<Backend> {
  const nodes = await Promise.all(
    (await freePorts(6)).map((port, i) =>
      machine.run(`redis${i + 1}`, port, (folder) => ({
        file: "redis-server",
        args: ["--port", port, "--bind", "127.0.0.1", "--dir", folder, ...SETTINGS].map(String),
      })),
    ),
  );
  await cli("--cluster", "create", ...nodes.map(address), "--cluster-replicas", "1", "--cluster-yes");
  await until(() => isWhole(nodes));

  let turn = 0;
  return {
    name: "Redis Cluster of six processes",
    env: { REDIS_URLS: nodes.map((node) => `redis://${address(node)}`).join(" "), DATABASE_URL: "" },
    async disturb(tell) {
      const primaries = await primariesOf(nodes);
      const victim = primaries[turn++ % primaries.length]!;
      const others = nodes.filter((node) => node !== victim);
      await victim.end("SIGKILL");
      tell(`kill -9 ${victim.name}, a primary`);
      await until(async () => (await primariesOf(others)).length === 3 && (await isServing(others)));
      tell("its replica has taken over");
      await victim.start();
      await until(() => isWhole(nodes));
      tell(`${victim.name} is back, as a replica`);
    },
    async end() {},
  };
}

const SETTINGS = [
  ...["--cluster-enabled", "yes"],
  // Milliseconds without a word after which a node is taken for dead. In production rather 5000.
  ...["--cluster-node-timeout", 1000],
  ...["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"],
  // While one primary's slots have none, the others go on with theirs.
  ...["--cluster-require-full-coverage", "no"],
  // A primary that has lost its replica refuses writes at once, in place of one timeout after another of `waitForReplicas`.
  ...["--min-replicas-to-write", 1],
  // A replica that comes back gets its copy at once.
  ...["--repl-diskless-sync-delay", 0],
];

const address = ({ port }: Process): string => `127.0.0.1:${port}`;

const cli = async (...args: string[]): Promise<string> => (await promisify(execFile)("redis-cli", args)).stdout;

const ask = (node: Process, ...command: string[]): Promise<string> => cli("-p", String(node.port), ...command);

/** Those among the nodes that serve slots, as the first one sees it: id, address, flags, five more fields, slots. */
async function primariesOf(nodes: readonly Process[]): Promise<Process[]> {
  const lines = (await ask(nodes[0]!, "CLUSTER", "NODES")).split("\n").map((line) => line.split(" "));
  const serving = lines.filter((line) => line.length > 8);
  return serving.flatMap((line) => nodes.filter((node) => line[1]!.startsWith(`${address(node)}@`)));
}

/** Whether each of these nodes finds every slot served. */
async function isServing(nodes: readonly Process[]): Promise<boolean> {
  const infos = await Promise.all(nodes.map((node) => ask(node, "CLUSTER", "INFO")));
  return infos.every((info) => info.includes("cluster_state:ok"));
}

/** Whether every slot is served, and every primary has its replica in line. */
async function isWhole(nodes: readonly Process[]): Promise<boolean> {
  if (!(await isServing(nodes))) return false;
  const infos = await Promise.all(nodes.map((node) => ask(node, "INFO", "replication")));
  return infos.every((info) => /state=online|master_link_status:up/.test(info));
}
