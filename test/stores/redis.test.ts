import { afterAll, beforeAll, describe, it } from "vitest";
import { redisStore } from "../../src/stores/redis.ts";
import { storeCases } from "../../src/testing/store.ts";
import { describeWith } from "../needs.ts";
import { races } from "./races.ts";
import { type Connected, clients } from "./redis/clients.ts";
import { type Server, startServer } from "./redis/servers.ts";

const ON_VALKEY = ["node-redis 6", "iovalkey"];
/** Races are decided by the server. */
const RACED = ON_VALKEY;

for (const [need, names] of [
  ["redis-server", Object.keys(clients)],
  ["valkey-server", ON_VALKEY],
] as const)
  describeWith(need, `the Redis store keeps the contract on ${need}`, (binary) => {
    let server: Server;
    const opened: Connected[] = [];
    beforeAll(async () => {
      server = await startServer(binary);
    });
    afterAll(async () => {
      for (const { end } of opened) end();
      await server.remove();
    });

    for (const name of names)
      describe(`by ${name}`, () => {
        const open = async () => {
          const connected = await clients[name]!(server.port);
          opened.push(connected);
          return redisStore(connected.client, { onWarning: () => {} });
        };
        for (const { name, run } of storeCases(open, { sweeps: false })) it(name, run);
        if (RACED.includes(name)) races(open);
      });
  });
