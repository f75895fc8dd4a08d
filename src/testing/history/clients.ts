import { createSessions, type Sessions } from "../../core/sessions.ts";
import { isHoldfastError } from "../../errors.ts";
import type { Awaitable, Store } from "../../store.ts";
import { loginAs } from "../login.ts";
import type { Clients } from "../store/fixtures.ts";
import type { HistoryOperation, HistoryStart } from "./check.ts";

export interface Size {
  readonly clients: number;
  /** Of each client. */
  readonly requests: number;
}

export interface History {
  readonly start: HistoryStart;
  readonly operations: readonly HistoryOperation[];
}

interface Data {
  a: number;
  b: number;
  c: number;
  count: number;
}

/** What the clients have between them: one session, and a clock that moves with each beginning and end. */
interface World {
  readonly operations: HistoryOperation[];
  readonly userId: string;
  /** The newest id that a response gave. */
  newest: string;
  now(): number;
}

type Random = () => number;

/** A history of many clients at once on one session: what they do follows from the seed, how they overlap from the store. */
export async function record(
  { store, other }: Clients<Store>,
  seed: number,
  { clients, requests }: Size,
): Promise<History> {
  const apps = [store, other].map((each, i) =>
    createSessions<Data>({ store: hesitant(each, randomFrom(seed, -1 - i)), timeout: "20s" }),
  );
  const entries = { a: 0, count: 0 };
  const userId = `user-${crypto.randomUUID()}`;
  let clock = 0;
  const newest = idIn(await loginAs(apps[0]!, userId, { data: entries }));
  const world: World = { operations: [], userId, newest, now: () => ++clock };

  const client = async (name: number): Promise<void> => {
    const random = randomFrom(seed, name);
    let id = newest;
    for (let i = 0; i < requests; i++) {
      // Now and then a client is behind, and shows an id that may be dead.
      if (random() < 0.9) id = world.newest;
      await request(world, apps[name % 2]!, { client: name, id, random, age: i / requests });
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, (_, name) => client(name)));
    // The last word: what is left when all are done.
    await request(world, apps[0]!, { client: clients, id: world.newest, random: () => 0, age: 1 });
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
  return { start: { id: newest, entries }, operations: world.operations };
}

/** One request: it opens the session, thinks, and does something or nothing. */
async function request(world: World, app: Sessions<Data>, who: Who): Promise<void> {
  const { client, id, random } = who;
  const { operations, now } = world;
  const opening = { client, id, start: now() };
  const exchange = await app.open(head(id));
  const { session } = exchange;
  const saw = session.isNew ? undefined : { ...session.data };
  operations.push({ ...opening, end: now(), kind: "open", saw });
  if (!saw) return;
  await turns(random);

  const act = { client, id, start: now() };
  const ended = async (run: () => unknown): Promise<{ end: number; answer: "saved" | "gone" }> => {
    try {
      await run();
      return { end: now(), answer: "saved" };
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== "session-gone") throw error;
      exchange.abandon();
      return { end: now(), answer: "gone" };
    }
  };
  switch (pick(random, who.age)) {
    case "nothing":
      await exchange.commit();
      return;
    case "save": {
      const set = changes(random, now, saw);
      Object.assign(session.data, set);
      const { end, answer } = await ended(() => exchange.commit());
      if (Object.keys(set).length > 0) operations.push({ ...act, end, kind: "save", set, answer });
      return;
    }
    case "update": {
      let from: number | undefined;
      let to = 0;
      const { end, answer } = await ended(() =>
        session.update("count", (count) => {
          from = count;
          to = (count ?? 0) + 1;
          return to;
        }),
      );
      operations.push({ ...act, end, kind: "update", entry: "count", from, to, answer });
      return;
    }
    case "rename": {
      const { end, answer } = await ended(() => (random() < 0.5 ? session.login(world.userId) : session.regenerate()));
      if (answer === "saved") world.newest = idIn((await exchange.commit()).setCookie!);
      operations.push({ ...act, end, kind: "rename", newId: world.newest, answer });
      return;
    }
    case "destroy":
      await session.destroy();
      operations.push({ ...act, end: now(), kind: "destroy", answer: "saved" });
  }
}

interface Who {
  readonly client: number;
  readonly id: string;
  readonly random: Random;
  /** How far the client is through all of its requests, from 0 to 1. */
  readonly age: number;
}

/** The session ends late if at all, so that there is something to tell of it. */
function pick(random: Random, age: number): "nothing" | "save" | "update" | "rename" | "destroy" {
  const dice = random();
  if (dice < 0.25) return "nothing";
  if (dice < 0.55) return "save";
  if (dice < 0.85) return "update";
  return dice < 0.97 || age < 0.8 ? "rename" : "destroy";
}

/** New values of some entries, or the end of one that is there: what stays as it is would not be written. */
function changes(
  random: Random,
  now: () => number,
  saw: Partial<Data>,
): Partial<Record<keyof Data, number | undefined>> {
  const set: Partial<Record<keyof Data, number | undefined>> = {};
  for (const name of ["a", "b", "c", "count"] as const) {
    const dice = random();
    if (dice < 0.3) set[name] = now();
    else if (dice < 0.4 && name in saw) set[name] = undefined;
  }
  return set;
}

/** Waits a few turns of the event loop before each call and after, so that calls overlap also where the store answers at once. */
function hesitant(store: Store, random: Random): Store {
  const hesitate = async <T>(run: () => Awaitable<T>): Promise<T> => {
    await turns(random);
    const answer = await run();
    await turns(random);
    return answer;
  };
  return {
    read: (handle) => hesitate(() => store.read(handle)),
    create: (handle, record) => hesitate(() => store.create(handle, record)),
    update: (handle, change, condition) => hesitate(() => store.update(handle, change, condition)),
    delete: (handle) => hesitate(() => store.delete(handle)),
    sweep: () => 0,
    close: () => {},
  };
}

async function turns(random: Random): Promise<void> {
  for (let left = Math.floor(random() * 4); left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number, of: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) ^ Math.imul(of + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const head = (id: string) => ({
  header: (name: string) => (name === "cookie" ? `sid=${id}` : undefined),
  encrypted: false,
});

const idIn = (cookie: string): string => cookie.split(";", 1)[0]!.slice("sid=".length);
