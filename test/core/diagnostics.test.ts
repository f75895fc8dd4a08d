import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { expect, it } from "vitest";
import { client } from "./client.ts";

it("every event is published to its diagnostics channel, while somebody has subscribed", async () => {
  const heard: unknown[] = [];
  const listener = (event: unknown, channel: string | symbol) => void heard.push([channel, event]);
  const sessions = createSessions<{ n: number }>({ store: memoryStore() });
  const browser = client(sessions);
  const channels = ["holdfast:created", "holdfast:destroyed"];
  for (const channel of channels) subscribe(channel, listener);
  const { value: handle } = await browser.request((session) => {
    session.data.n = 1;
    return session.handle;
  });
  for (const channel of channels) unsubscribe(channel, listener);
  await browser.request((session) => session.destroy());
  expect(heard).toEqual([["holdfast:created", { handle }]]);
  await sessions.close();
});
