import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { describeWith } from "../needs.ts";
import { root } from "../package/subpaths.ts";

/** What examples/cluster/drive.ts ends with. */
interface Drive {
  readonly exitCode: number;
  readonly said: string;
  /** The number behind a name. */
  count(name: string): number;
}

async function drive(store: string, seconds: number, env: NodeJS.ProcessEnv): Promise<Drive> {
  const fromSource = ["--import", join(root, "test/docs/from-source.ts")];
  const args = [...fromSource, join(root, "examples/cluster/drive.ts"), store, String(seconds)];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said, [exitCode]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { exitCode, said, count: (name) => Number(new RegExp(`^ *${name} +(\\d+)$`, "m").exec(said)?.[1]) };
}

function expectNothingLost({ exitCode, said, count }: Drive): void {
  const broken = ["lost", "applied twice", "undone", "seen by another user"].map(count);
  expect({ broken, exitCode }, said).toEqual({ broken: [0, 0, 0, 0], exitCode: 0 });
  expect(count("updates acknowledged")).toBeGreaterThan(100);
  expect(count("logouts acknowledged")).toBeGreaterThan(0);
}

describeWith("nginx", "the example of a cluster keeps every promise", (NGINX_PATH) => {
  describeWith("PostgreSQL", "on PostgreSQL", (DATABASE_URL) => {
    it("while app processes die and the database's connections are cut", async () => {
      expectNothingLost(await drive("postgres", 4, { NGINX_PATH, DATABASE_URL }));
    }, 60_000);
  });

  describeWith("redis-server", "on Redis Cluster", () => {
    it("while app processes and primaries die", async () => {
      const driven = await drive("redis", 6, { NGINX_PATH });
      expectNothingLost(driven);
      expect(driven.said).toContain("its replica has taken over");
    }, 60_000);
  });
});
