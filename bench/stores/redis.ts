/**
 * Sessions in Redis: `node bench/stores/redis.ts [most sessions]`, with a redis-server of its own.
 *
 * - Requests to Express 5, bare, with holdfast, and with express-session and connect-redis, side by side: throughput, the app's CPU over bare Express,
 *   and the commands that Redis gets. Both go by node-redis.
 * - The same sessions behind node:http alone, over connections in memory: without Express and the clients' connections, which weigh on all alike, what a core serves in a second.
 * - What a session takes in the server's memory.
 * - What a read and a commit take with a thousand sessions in the server, 100,000, and 5 million.
 */
import { fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import autocannon from "autocannon";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { encode } from "../../src/redis/record.ts";
import type { SessionRecord } from "../../src/store.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { median, table } from "../report.ts";
import { DATA } from "./data.ts";

const ROUNDS = 5;
/** Seconds: autocannon counts by whole ones. */
const DURATION = 2;
const SIZES = [1000, 100_000, 5_000_000].filter((size) => size <= Number(process.argv[2] ?? 5_000_000));

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const PORT = 16_379;
const settings = ["--port", `${PORT}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
const redis = spawn("redis-server", settings, { stdio: "ignore" });
const admin = new Redis(PORT);

try {
  await requests();
  await alone();
  await memory();
  await sizes();
} finally {
  admin.disconnect();
  redis.kill();
  await once(redis, "exit");
  rmSync(folder, { recursive: true });
}

async function requests(): Promise<void> {
  const names = ["bare", "holdfast", "express-session"] as const;
  const kinds = ["read", "write", "untouched"] as const;
  const servers = await Promise.all(
    names.map(async (name) => {
      const child = fork(new URL("redis-app.ts", import.meta.url), [name, `${PORT}`], {
        execArgv: ["--single-threaded"],
      });
      const [{ port }] = (await once(child, "message")) as [{ port: number }];
      const url = `http://127.0.0.1:${port}`;
      const cookie = (await fetch(`${url}/begin`)).headers.getSetCookie()[0]?.split(";")[0] ?? "none=0";
      const cpu = async (): Promise<number> => {
        child.send("cpu");
        const [usage] = (await once(child, "message")) as [{ cpu: number }];
        return usage.cpu;
      };
      return { name, child, url, cookie, cpu };
    }),
  );

  const rates: Record<string, number[]> = {};
  const spent: Record<string, number[]> = {};
  for (let round = -1; round < ROUNDS; round++)
    for (const kind of kinds)
      for (const { name, url, cookie, cpu } of servers) {
        const before = await cpu();
        const answers = { connections: 16, duration: DURATION, expectBody: "ok" };
        const result = await autocannon({ url: `${url}/${kind}`, headers: { cookie }, ...answers });
        const { total } = result.requests;
        if (result.non2xx + result.errors + result.mismatches > 0) throw new Error(`${name} ${kind}: wrong answers`);
        if (round < 0) continue; // warms up
        const key = `${name} ${kind}`;
        rates[key] = [...(rates[key] ?? []), total / DURATION];
        spent[key] = [...(spent[key] ?? []), ((await cpu()) - before) / total];
      }

  const commands: Record<string, string> = {};
  const monitor = spawn("redis-cli", ["-p", `${PORT}`, "monitor"], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: monitor.stdout })[Symbol.asyncIterator]();
  await lines.next();
  for (const { name, url, cookie } of servers)
    for (const kind of kinds) {
      await fetch(`${url}/${kind}`, { headers: { cookie } });
      await admin.echo("done");
      const seen: string[] = [];
      for (let line = ""; !line.includes('"done"'); ) {
        line = (await lines.next()).value ?? "";
        // What a script does inside is not sent.
        if (!line.includes(" lua] ")) seen.push(/"(.*?)"/.exec(line)![1]!.toUpperCase());
      }
      commands[`${name} ${kind}`] = seen.slice(0, -1).join(" + ") || "none";
    }
  monitor.kill();
  for (const { child } of servers) child.disconnect();

  const rows = kinds.flatMap((kind) =>
    names.map((name) => {
      const key = `${name} ${kind}`;
      const over = median(spent[key]!.map((µs, round) => µs - spent[`bare ${kind}`]![round]!));
      return {
        request: kind,
        server: name,
        "requests/s": median(rates[key]!).toFixed(0),
        "to bare": median(rates[key]!.map((rate, round) => rate / rates[`bare ${kind}`]![round]!)).toFixed(2),
        "CPU over bare µs": name === "bare" ? "" : over.toFixed(0),
        commands: commands[key],
      };
    }),
  );
  table("Requests to Express 5 with sessions in Redis", rows);
}

async function alone(): Promise<void> {
  const COUNT = 8000;
  const names = ["holdfast", "express-session"] as const;
  const kinds = ["read", "write", "untouched"] as const;
  const servers = await Promise.all(
    names.map(async (name) => {
      const child = fork(new URL("redis-app.ts", import.meta.url), [name, `${PORT}`, "node"], {
        execArgv: ["--single-threaded"],
      });
      const [{ port }] = (await once(child, "message")) as [{ port: number }];
      const begun = await fetch(`http://127.0.0.1:${port}/begin`);
      const cookie = begun.headers.getSetCookie()[0]!.split(";")[0]!;
      const cpu = async (task: object | "cpu"): Promise<number> => {
        child.send(task);
        const [usage] = (await once(child, "message")) as [{ cpu: number }];
        return usage.cpu;
      };
      const run = async (kind: string): Promise<number> => {
        const before = await cpu("cpu");
        return (COUNT / ((await cpu({ path: `/${kind}`, cookie, requests: COUNT })) - before)) * 1e6;
      };
      return { name, child, run };
    }),
  );
  const rates: Record<string, number[]> = {};
  for (let round = -2; round < 2 * ROUNDS; round++)
    for (const kind of kinds)
      for (const { name, run } of servers) {
        const rate = await run(kind);
        rates[`${name} ${kind}`] ??= [];
        if (round >= 0) rates[`${name} ${kind}`]!.push(rate);
      }
  for (const { child } of servers) child.disconnect();
  const rows = kinds.map((kind) => {
    const [ours, theirs] = names.map((name) => rates[`${name} ${kind}`]!) as [number[], number[]];
    return {
      request: kind,
      "holdfast/s": median(ours).toFixed(0),
      "express-session/s": median(theirs).toFixed(0),
      ratio: median(ours.map((rate, round) => rate / theirs[round]!)).toFixed(2),
    };
  });
  table("Requests a second of CPU with sessions in Redis, behind node:http alone", rows);
}

function newRecord(): SessionRecord {
  const times = { createdAt: Date.now(), touchedAt: Date.now(), expiresAt: Date.now() + 7_200_000 };
  const entries = new Map(Object.entries(DATA).map(([name, value]) => [name, JSON.stringify(value)]));
  return { secretHash: `1:${randomBytes(32).toString("base64url")}`, entries, ...times, version: 1 };
}

function newHandle(): string {
  return randomBytes(16).toString("base64url");
}

async function memory(): Promise<void> {
  const COUNT = 20_000;
  const used = async () => Number(/used_memory:(\d+)/.exec(await admin.info("memory"))![1]);
  const client = await createClient({ socket: { port: PORT } }).connect();
  const store = redisStore(client, { onWarning: () => {} });
  const json = JSON.stringify(DATA).length;
  const rows = [];
  for (const [what, users] of [
    ["anonymous", 0],
    ["logged in, one session a user", COUNT],
    ["logged in, four sessions a user", COUNT / 4],
  ] as const) {
    await admin.flushall();
    const before = await used();
    let last = "";
    for (let i = 0; i < COUNT; i++) {
      last = newHandle();
      await store.create(last, users ? { ...newRecord(), userId: `user${i % users}` } : newRecord());
    }
    const own = await admin.memory("USAGE", `holdfast:${last}`);
    const all = Math.round(((await used()) - before) / COUNT);
    rows.push({ session: what, "its key (MEMORY USAGE)": own, "all of it (used_memory)": all });
  }
  await admin.flushall();
  client.destroy();
  table(`Bytes a session in Redis, with ${json} bytes of data in 4 entries`, rows);
}

async function sizes(): Promise<void> {
  const SAMPLE = 5000;
  const client = await createClient({ socket: { port: PORT } }).connect();
  const store = redisStore(client, { onWarning: () => {} });
  const known: { handle: string; secretHash: string }[] = [];
  let filled = 0;
  const rows = [];

  async function fill(size: number): Promise<void> {
    while (filled < size) {
      const batch = admin.pipeline();
      for (let i = 0; i < 5000 && filled < size; i++, filled++) {
        const [handle, record] = [newHandle(), newRecord()];
        batch.set(`holdfast:${handle}`, encode(record, "bench"), "PXAT", record.expiresAt);
        // Handles from the whole range, evenly.
        if (known.length < SAMPLE || Math.random() < SAMPLE / filled) {
          const at = known.length < SAMPLE ? known.length : Math.floor(Math.random() * SAMPLE);
          known[at] = { handle, secretHash: record.secretHash };
        }
      }
      await batch.exec();
    }
  }

  /** Microseconds an operation, one after the other. */
  async function time(run: (i: number) => unknown): Promise<number> {
    const began = performance.now();
    for (let i = 0; i < SAMPLE; i++) await run(i % known.length);
    return ((performance.now() - began) / SAMPLE) * 1000;
  }

  /** Microseconds a call that the server itself counted. */
  async function inServer(command: string): Promise<number> {
    const stats = await admin.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:.*?usec_per_call=([\\d.]+)`).exec(stats)![1]);
  }

  for (const size of SIZES) {
    await fill(size);
    const taken = { ping: [], read: [], commit: [], serverRead: [], serverCommit: [] } as Record<string, number[]>;
    for (let round = -1; round < ROUNDS; round++) {
      const ping = await time(() => client.ping());
      await admin.config("RESETSTAT");
      const read = await time((i) => store.read(known[i]!.handle));
      const serverRead = await inServer("get");
      const commit = await time((i) => {
        const change = {
          set: new Map([["views", `${round}`]]),
          touchedAt: Date.now(),
          expiresAt: Date.now() + 7_200_000,
        };
        return store.update(known[i]!.handle, change, known[i]!);
      });
      const serverCommit = await inServer("evalsha");
      if (round < 0) continue; // warms up
      for (const [what, µs] of Object.entries({ ping, read, commit, serverRead, serverCommit })) taken[what]!.push(µs);
    }
    const info = await admin.info("memory");
    rows.push({
      sessions: size.toLocaleString("en"),
      "PING µs": median(taken.ping!).toFixed(0),
      "read µs": median(taken.read!).toFixed(0),
      "commit µs": median(taken.commit!).toFixed(0),
      "read in the server µs": median(taken.serverRead!).toFixed(1),
      "commit in the server µs": median(taken.serverCommit!).toFixed(1),
      "server's memory": /used_memory_human:(\S+)/.exec(info)![1],
    });
  }
  client.destroy();
  table("One operation after the other, by the sessions in the server", rows);
}
