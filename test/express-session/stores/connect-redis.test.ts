import { randomUUID } from "node:crypto";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";
import { describeWith } from "../../needs.ts";
import { storeSuite } from "./suite.ts";

// Its base is the Store of the express-session that it imports, whichever library the app uses.
describeWith("Redis", "connect-redis", (url) => {
  storeSuite(async () => {
    const client = await createClient({ url }).connect();
    const prefix = `holdfast-${randomUUID()}:`;
    const open = (): RedisStore => new RedisStore({ client, prefix });
    return {
      open,
      async close() {
        await open().clear();
        await client.close();
      },
    };
  });
});
