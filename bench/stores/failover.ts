/**
 * What a Redis Cluster's failover takes: `node bench/stores/failover.ts [rounds]`. Each round writes to 60 sessions in a Cluster of six processes, kills a
 * primary in the middle (kill -9), and counts what was acknowledged and isn't there afterwards: with and without `waitForReplicas`.
 */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { redisStore } from "../../src/stores/redis.ts";
import { clusterClients, startCluster } from "../../test/stores/redis/cluster.ts";
import { startLoad } from "../../test/stores/redis/load.ts";
import { table } from "../report.ts";

const rounds = Number(process.argv[2] ?? 5);
const cluster = await startCluster("redis-server");
const rows = [];
for (const name of ["node-redis 6", "ioredis"])
  for (const waitForReplicas of [undefined, { count: 1, timeout: 1000 }]) {
    const { client, end } = await clusterClients[name]!(cluster.ports);
    const store = redisStore(client, { onWarning: () => {}, waitForReplicas });
    const counts = { acknowledged: 0, lost: 0, failed: 0 };
    for (let round = 0; round < rounds; round++) {
      const handles = Array.from({ length: 60 }, () => randomBytes(16).toString("base64url"));
      const load = await startLoad(store, handles);
      await setTimeout(500 + 500 * Math.random());
      const { primary } = await cluster.shardOf(`holdfast:${handles[0]}`);
      await primary.kill();
      await cluster.settled(0);
      await primary.restart();
      await cluster.settled(1);
      const { acknowledged, lost, failed } = await load.stop();
      counts.acknowledged += acknowledged;
      counts.lost += lost;
      counts.failed += failed;
    }
    rows.push({ client: name, waitForReplicas: waitForReplicas?.count ?? "no", rounds, ...counts });
    end();
  }
await cluster.remove();
table("Writes while a primary of a Redis Cluster is killed", rows);
