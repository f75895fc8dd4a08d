import { createSessions, type IndexedSessions, type SessionsOptions } from "holdfast";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { type Device, newDevice } from "../security/device.ts";
import { DeviceBrowser } from "./device-client.ts";
import { type WatchedStore, watchedStore } from "./stores.ts";

export interface Data {
  cart: string[];
}

export const MINUTE = 60_000;
export const COOKIE = "__Host-sid-device";

/** Anew for each test. */
export let store: WatchedStore;
export let sessions: IndexedSessions<Data>;
export let device: Device;
export let events: string[];

export const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

/** `by` is what signs for it. */
export const newBrowser = (by = device): DeviceBrowser<Data> => new DeviceBrowser(sessions, by);

/** Starts the sessions anew, on the same store. */
export function begin(options: Omit<Partial<SessionsOptions>, "store"> = {}): void {
  sessions = createSessions<Data>({ deviceBound: "/device", ...options, store });
  sessions.on("bound", () => void events.push("bound"));
  sessions.on("rejected", ({ reason }) => void events.push(reason));
}

/** A browser whose session is bound to its device, and has not shown so yet. */
export async function registered(): Promise<DeviceBrowser<Data>> {
  const browser = newBrowser();
  expect((await browser.register()).status).toBe(200);
  events.length = 0;
  return browser;
}

/** One that has shown so. */
export async function bound(): Promise<DeviceBrowser<Data>> {
  const browser = await registered();
  expect(await browser.user()).toBe("ada");
  events.length = 0;
  return browser;
}

/** Gives each test of the file sessions that are bound to devices, on a clock that it may set. */
export function beginWithEach(): void {
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    store = watchedStore();
    events = [];
    device = await newDevice();
    begin();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await sessions.close();
  });
}
