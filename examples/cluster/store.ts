import type { IndexedStore } from "holdfast";
import { postgresStore } from "holdfast/stores/postgres";
import { redisStore } from "holdfast/stores/redis";
import { Cluster } from "ioredis";
import pg from "pg";

interface Opened {
  readonly store: IndexedStore;
  /** Closes the connections. */
  close(): Promise<void>;
}

/** The store that the environment names: REDIS_URLS, nodes of a Cluster with blanks between them, or DATABASE_URL. */
export function openStore(): Opened {
  const { REDIS_URLS, DATABASE_URL } = process.env;
  if (REDIS_URLS) return openRedis(REDIS_URLS.split(" "));
  if (DATABASE_URL) return openPostgres(DATABASE_URL);
  throw new Error("Set REDIS_URLS or DATABASE_URL.");
}

function openRedis(urls: readonly string[]): Opened {
  // A command waits for a failover three seconds at most, and a request five (`timeout`): what a request gave up must not be done later.
  const client = new Cluster([...urls], { retryDelayOnFailover: 100, maxRedirections: 30 });
  client.on("error", (error) => console.error("redis:", error));
  // No success before a replica has it too: a primary that dies takes nothing along that was acknowledged.
  const store = redisStore(client, { waitForReplicas: { count: 1, timeout: 500 } });
  return { store, close: async () => void (await client.quit()) };
}

function openPostgres(connectionString: string): Opened {
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 2000 });
  pool.on("error", (error) => console.error("postgres:", error)); // a lost connection that was idle; the pool opens another
  return { store: postgresStore(pool), close: () => pool.end() };
}
