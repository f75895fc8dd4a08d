import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { loginAs } from "holdfast/testing";
import { expect, it, vi } from "vitest";
import { EVENTS } from "../../src/core/events.ts";
import { newDevice } from "../security/device.ts";
import { client, head } from "./client.ts";
import { DeviceBrowser } from "./device-client.ts";
import { watchedStore } from "./stores.ts";

it("every event is published to its diagnostics channel, with what listeners get of it and no id", async () => {
  const heard: unknown[] = [];
  const told: unknown[] = [];
  const listener = (event: unknown, channel: string | symbol) => void heard.push([channel, event]);
  const store = watchedStore();
  const sessions = createSessions({ store, maxPerUser: 1, deviceBound: "/device", idle: "30m" });
  for (const name of EVENTS) {
    subscribe(`holdfast:${name}`, listener);
    sessions.on(name, (event) => void told.push([`holdfast:${name}`, event]));
  }
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    const ids = [await loginAs(sessions, "ada"), "sid=x"];
    vi.setSystemTime(Date.now() + 1);
    ids.push(await loginAs(sessions, "ada"));
    for (const cookie of ids) await sessions.open(head({ cookie }));
    await sessions.revokeAll({ userId: "ada" });
    const browser = new DeviceBrowser(sessions, await newDevice());
    await browser.register();
    await browser.request((session) => session.regenerate());
    ids.push(browser.cookie);
    await browser.request((session) => session.destroy());
    const last = await loginAs(sessions, "ada");
    ids.push(last);
    // The store still has it; under today's timeouts it has ended.
    vi.setSystemTime(Date.now() + 60_000);
    const stricter = createSessions({ store, idle: "10s" });
    stricter.on("expired", (event) => void told.push(["holdfast:expired", event]));
    await stricter.open(head({ cookie: last }));
    store.before = () => {
      throw new Error("down");
    };
    await expect(async () => sessions.open(head({ cookie: last }))).rejects.toThrow("failed to read");

    expect(heard).toEqual(told);
    const names = heard.map((each) => (each as [string])[0]);
    expect(names).toEqual(expect.arrayContaining(EVENTS.map((name) => `holdfast:${name}`)));
    for (const secret of ids.join().match(/(?<=\.)[\w-]{43}/g)!) expect(JSON.stringify(heard)).not.toContain(secret);
  } finally {
    vi.useRealTimers();
    for (const name of EVENTS) unsubscribe(`holdfast:${name}`, listener);
    await sessions.close();
  }
});

it("nobody hears of it who has unsubscribed", async () => {
  const heard: unknown[] = [];
  const listener = (event: unknown) => void heard.push(event);
  const sessions = createSessions<{ n: number }>({ store: memoryStore() });
  const browser = client(sessions);
  subscribe("holdfast:created", listener);
  subscribe("holdfast:destroyed", listener);
  const { value: handle } = await browser.request((session) => {
    session.data.n = 1;
    return session.handle;
  });
  for (const name of ["created", "destroyed"]) unsubscribe(`holdfast:${name}`, listener);
  await browser.request((session) => session.destroy());
  expect(heard).toEqual([{ handle }]);
  await sessions.close();
});
