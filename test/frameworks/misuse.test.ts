import { expressSessions } from "holdfast/express";
import { fastifySessions } from "holdfast/fastify";
import { fetchSessions } from "holdfast/fetch";
import { h3Sessions } from "holdfast/h3";
import { honoSessions } from "holdfast/hono";
import { koaSessions } from "holdfast/koa";
import { HoldfastModule } from "holdfast/nest";
import { nextSessions } from "holdfast/next";
import { nodeSessions } from "holdfast/node";
import { reactRouterSessionStorage, reactRouterSessions } from "holdfast/react-router";
import { socketIoSessions } from "holdfast/socket.io";
import { memoryStore } from "holdfast/stores/memory";
import { svelteKitSessions } from "holdfast/sveltekit";
import { wsSessions } from "holdfast/ws";
import { expect, it } from "vitest";

const adapters = {
  expressSessions,
  fastifySessions,
  fetchSessions,
  h3Sessions,
  honoSessions,
  koaSessions,
  nextSessions,
  nodeSessions,
  reactRouterSessions,
  reactRouterSessionStorage,
  socketIoSessions,
  svelteKitSessions,
  wsSessions,
  "HoldfastModule.forRoot": HoldfastModule.forRoot,
};

it.each(Object.entries(adapters))(
  "%s says at the start what it takes, where it gets something else",
  (name, adapter) => {
    for (const wrong of [undefined, { store: memoryStore() }, memoryStore()]) {
      expect(() => (adapter as (sessions: unknown) => unknown)(wrong)).toThrow(
        expect.objectContaining({
          code: "argument-invalid",
          message: expect.stringContaining(`${name}(createSessions({ store }))`),
          details: { argument: "sessions" },
        }),
      );
    }
  },
);
