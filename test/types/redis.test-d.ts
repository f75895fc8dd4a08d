/** The clients that fit the Redis store, as their own types have them. Checked by `npm run typecheck`. */
import { createSessions, type IndexedSessions } from "holdfast";
import { redisStore } from "holdfast/stores/redis";
import { Cluster as IoCluster, Redis as IoRedis } from "ioredis";
import { Redis as IoValkey, Cluster as IoValkeyCluster } from "iovalkey";
import { createClient, createCluster, createSentinel } from "redis";
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";

const sentinels = { name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port: 26379 }] };

const client = createClient();
redisStore(client);
redisStore(await createClient({ RESP: 2 }).connect());
redisStore(createCluster({ rootNodes: [{ url: "redis://127.0.0.1:7000" }] }));
redisStore(createSentinel(sentinels));

redisStore(createClient5());
redisStore(await createClient5({ RESP: 3 }).connect());
redisStore(createCluster5({ rootNodes: [{ url: "redis://127.0.0.1:7000" }] }));
redisStore(createSentinel5(sentinels));

redisStore(new IoRedis());
redisStore(new IoRedis({ protocol: 3, replyMapping: "resp3" }));
redisStore(new IoRedis({ name: "main", sentinels: sentinels.sentinelRootNodes }));
redisStore(new IoCluster([{ host: "127.0.0.1", port: 7000 }]));

redisStore(new IoValkey());
redisStore(new IoValkey({ name: "main", sentinels: sentinels.sentinelRootNodes }));
redisStore(new IoValkeyCluster([{ host: "127.0.0.1", port: 7000 }]));

export const indexed: IndexedSessions = createSessions({ store: redisStore(client, { prefix: "shop:" }) });

// @ts-expect-error The client comes first, and connected.
redisStore("redis://127.0.0.1:6379");
// @ts-expect-error There is no such option.
redisStore(client, { ttl: 60 });
