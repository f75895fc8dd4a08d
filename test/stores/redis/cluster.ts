import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { Cluster as IoCluster } from "ioredis";
import { Cluster as IoValkeyCluster } from "iovalkey";
import { createCluster } from "redis";
import { createCluster as createCluster5 } from "redis5";
import { type Connected, io, node } from "./clients.ts";
import { type Server, startServer } from "./servers.ts";

/** Three primaries, each with a replica: six processes. */
export interface RedisCluster {
  readonly ports: readonly number[];
  /** The processes of the primary that has this key, and of its replica where it has one. */
  shardOf(key: string): Promise<{ primary: Server; replica: Server | undefined }>;
  otherPrimary(than: Server): Promise<Server>;
  /** In their order. */
  slotsOf(primary: Server): Promise<number[]>;
  /** Moves this many slots from one primary to another, keys and all: the lowest that it has. */
  reshard(from: Server, to: Server, slots: number): Promise<void>;
  /** Resolves when all nodes know that every slot is served by a primary that is alive, and has this many replicas in line. */
  settled(replicas: number): Promise<void>;
  remove(): Promise<void>;
}

/** The time without a word after which a node is taken for dead, in milliseconds: long enough for one that other tests keep from its turn. */
const NODE_TIMEOUT = 2000;

export async function startCluster(binary: string): Promise<RedisCluster> {
  const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT)];
  const failover = ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"];
  const servers = await Promise.all(Array.from({ length: 6 }, () => startServer(binary, ...settings, ...failover)));
  const ports = servers.map(({ port }) => port);
  const cli = async (...args: string[]) => (await promisify(execFile)("redis-cli", args)).stdout;
  const ask = (server: Server, ...command: string[]) => cli("-p", String(server.port), ...command);
  const isAlive = ({ process }: Server) => process.exitCode === null && process.signalCode === null;

  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  await cli("--cluster", "create", ...nodes, "--cluster-replicas", "1", "--cluster-yes");

  /** CLUSTER NODES: id, address, flags, primary's id, …, slots from the eighth on. */
  const topology = async (asked = servers.find(isAlive)!) =>
    (await ask(asked, "CLUSTER", "NODES")).split("\n").map((line) => line.split(" "));
  const replicasOf = (primary: string[], lines: string[][]) => lines.filter((line) => line[3] === primary[0]);
  const serverOf = (line: string[]) => servers.find(({ port }) => line[1]!.includes(`:${port}@`))!;
  const slotsIn = (line: string[]) =>
    line.slice(8).flatMap((range) => {
      const [first, last = first] = range.split("-").map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });

  const cluster: RedisCluster = {
    ports,
    async shardOf(key) {
      const slot = Number(await ask(servers.find(isAlive)!, "CLUSTER", "KEYSLOT", key));
      const lines = await topology();
      const primary = lines.find((line) => slotsIn(line).includes(slot))!;
      const [replica] = replicasOf(primary, lines);
      return { primary: serverOf(primary), replica: replica && serverOf(replica) };
    },
    async otherPrimary(than) {
      return (await topology())
        .filter((line) => line[2]?.includes("master"))
        .map(serverOf)
        .find((one) => one !== than)!;
    },
    async slotsOf(primary) {
      return slotsIn((await topology()).find((line) => serverOf(line) === primary)!);
    },
    async reshard(from, to, slots) {
      const [source, target] = [await ask(from, "CLUSTER", "MYID"), await ask(to, "CLUSTER", "MYID")];
      const ids = ["--cluster-from", source.trim(), "--cluster-to", target.trim()];
      await cli("--cluster", "reshard", nodes[0]!, ...ids, "--cluster-slots", String(slots), "--cluster-yes");
    },
    async settled(replicas) {
      const isSettled = async (server: Server) => {
        const lines = await topology(server);
        for (const owner of lines.filter((line) => line.length > 8))
          if (!isAlive(serverOf(owner)) || replicasOf(owner, lines).length < replicas) return false;
        const [info, role] = [await ask(server, "CLUSTER", "INFO"), await ask(server, "INFO", "replication")];
        if (!info.includes("cluster_state:ok")) return false;
        if (role.includes("role:slave")) return role.includes("master_link_status:up");
        return role.split("state=online").length - 1 >= replicas;
      };
      for (let tries = 0; tries < 1000; tries++) {
        if ((await Promise.all(servers.filter(isAlive).map(isSettled))).every(Boolean)) return;
        await setTimeout(50);
      }
      throw new Error("The cluster did not settle within 50 seconds.");
    },
    async remove() {
      await Promise.all(servers.map((server) => server.remove()));
    },
  };
  await cluster.settled(1);
  return cluster;
}

/** By name, each client of a Cluster. */
export const clusterClients: Readonly<Record<string, (ports: readonly number[]) => Promise<Connected>>> = {
  "node-redis 6": async (ports) => node(createCluster({ rootNodes: ports.map((port) => ({ socket: { port } })) })),
  "node-redis 5": async (ports) => node(createCluster5({ rootNodes: ports.map((port) => ({ socket: { port } })) })),
  ioredis: async (ports) => io(new IoCluster(ports.map((port) => ({ host: "127.0.0.1", port })))),
  "ioredis, pipelining by itself": async (ports) =>
    io(
      new IoCluster(
        ports.map((port) => ({ host: "127.0.0.1", port })),
        { enableAutoPipelining: true },
      ),
    ),
  iovalkey: async (ports) => io(new IoValkeyCluster(ports.map((port) => ({ host: "127.0.0.1", port })))),
};
