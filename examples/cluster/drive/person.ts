import { setTimeout } from "node:timers/promises";
import { type Browser, insist, newBrowser, request } from "./browser.ts";
import type { Tally } from "./tally.ts";

/** Someone with two browsers. */
export interface Person {
  /** Writes, looks whether it is there, signs out and in again, for as long as `busy` holds. */
  live(busy: () => boolean): Promise<void>;
  /** Looks once more for everything, when the last failure is over. */
  lookBack(): Promise<void>;
}

/** So many requests of each kind a browser has under way at once. */
const OVERLAPPING = 3;

let writes = 0;

/** `stays`: never signs out, so that what it is owed grows over all failures. */
export function newPerson(url: string, user: string, stays: boolean, tally: Tally): Person {
  const desk = newBrowser(url, user, `${user} at the desk`, tally);
  const phone = newBrowser(url, user, `${user} on the phone`, tally);
  const both = [desk, phone];
  /** Ids of sessions that were ended. */
  const dead: string[] = [];

  async function signIn(browser: Browser): Promise<void> {
    if (browser.owed) return;
    await insist(() => browser.send("POST", "/login", { user }));
    tally.updates++;
    browser.owed = new Set();
  }

  async function addItem({ name, owed, send }: Browser): Promise<void> {
    const item = `${name} ${writes++}`;
    if ((await send("POST", "/items", { item })).status !== 200) return;
    tally.updates++;
    owed!.add(item);
  }

  async function writeNote({ name, owed, send }: Browser, wait = 0): Promise<void> {
    const note = String(writes++);
    const text = `${name} ${note}`;
    if ((await send("PUT", `/notes/${note}?wait=${wait}`, { text })).status !== 200) return;
    tally.updates++;
    owed!.add(text);
  }

  const several = (write: () => Promise<void>) => Array.from({ length: OVERLAPPING }, write);

  const write = (browser: Browser) =>
    Promise.all([...several(() => addItem(browser)), ...several(() => writeNote(browser))]);

  /** Whether the app has what it owes to this browser, and nothing of anyone else's. */
  async function look(browser: Browser): Promise<void> {
    const { owed, name } = browser;
    if (!owed) return;
    const { body } = await insist(() => browser.send("GET", "/me"));
    const { items = [], ...notes } = body.data as { items?: string[] };
    const texts = [...items, ...Object.values<string>(notes)];
    if ((body.user ?? user) !== user || !texts.every((text) => text.startsWith(name))) tally.seenByOthers++;

    const there = new Set(texts);
    for (const text of owed) {
      if (there.has(text)) continue;
      owed.delete(text); // is counted once
      tally.lostUpdates++;
    }
    tally.doubledUpdates += items.length - new Set(items).size;
    if (body.user !== null) return;
    tally.lostUpdates++; // the login was acknowledged, too
    browser.owed = undefined;
  }

  /** Whether nobody is signed in by the id of a session that was ended. */
  async function lookForDead(cookie: string): Promise<void> {
    const { body } = await insist(() => request(`${url}/me`, { method: "GET", cookie }, tally));
    if (body.user !== null) tally.undoneLogouts++;
  }

  /** Ends the session of `ending` from `browser`, while slow requests are under way in it. */
  async function signOut(ending: Browser, browser: Browser, path: string): Promise<void> {
    const { cookie } = ending;
    const slow = several(() => writeNote(ending, 50 + 200 * Math.random()));
    await setTimeout(100 * Math.random());
    await insist(() => browser.send("POST", path));
    tally.logouts++;
    dead.push(cookie);
    await lookForDead(cookie);
    await Promise.all(slow);
    await lookForDead(cookie);
    ending.owed = undefined;
  }

  return {
    async live(busy) {
      for (let round = 1; busy(); round++) {
        await Promise.all(both.map(signIn));
        await Promise.all(both.map(write));
        await Promise.all(both.map(look));
        // Where one was lost, and counted, there is nothing to sign out of.
        if (stays || round % 3 !== 0 || !both.every(({ owed }) => owed)) continue;
        if (round % 2 === 0) await signOut(phone, phone, "/logout");
        else await signOut(phone, desk, "/logout-elsewhere");
      }
    },
    async lookBack() {
      await Promise.all(both.map(look));
      await Promise.all(dead.map(lookForDead));
    },
  };
}
