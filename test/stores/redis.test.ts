import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { afterAll, beforeAll, describe, it } from "vitest";
import { redisStore } from "../../src/stores/redis.ts";
import { storeCases } from "../../src/testing/store.ts";

describe("x", () => {
  const r6 = createClient();
  beforeAll(async () => {
    await r6.connect();
  });
  afterAll(() => r6.close());
  for (const { name, run } of storeCases(() => redisStore(r6, { prefix: "hfr:" }), { sweeps: false })) it(name, run);
});
