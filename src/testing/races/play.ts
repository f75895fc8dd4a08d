import assert from "node:assert/strict";
import { hashSecret, newHandle, newSecret, parseId } from "../../core/id.ts";
import { createSessions, type Sessions } from "../../core/sessions.ts";
import type { Change, IndexedStore, SessionRecord, Store, UpdateCondition, UpdateResult } from "../../store.ts";
import type { Clients } from "../store/fixtures.ts";
import { AGE, type Data, LIFE, type Operation, type Request, type Side, type Target } from "./operations.ts";
import { type Choose, type Gate, type Performer, perform } from "./schedule.ts";

/** A call of the store by one of the two, and what it answered. */
export type Step = { readonly by: Side } & Call;

export type Call =
  | { readonly does: "read"; readonly handle: string; answer?: SessionRecord | undefined }
  | { readonly does: "create"; readonly handle: string; readonly record: SessionRecord; answer?: string }
  | {
      readonly does: "update";
      readonly handle: string;
      readonly change: Change;
      readonly condition: UpdateCondition;
      answer?: UpdateResult;
    }
  | { readonly does: "delete"; readonly handle: string; answer?: boolean }
  | { readonly does: "deleteAll"; readonly userId: string; readonly except: string | undefined; answer?: string[] }
  | { readonly does: "expire" | "sweep"; answer?: unknown };

/** How one of the two fared. */
export interface Outcome {
  readonly operation: Operation;
  /** The entries that a request found, of a live session. */
  saw?: Partial<Data>;
  /** The id in the cookie that it was answered. */
  id?: string;
  /** Whether its answer took the cookie away. */
  cleared?: boolean;
  error?: unknown;
}

/** An id that the session has, or had. */
export interface KnownId {
  readonly handle: string;
  readonly secretHash: string;
  /** Whether it opens a session, now that all is over. */
  readonly opens: boolean;
}

/** A race that is over: what happened, and what is left. */
export interface Race {
  readonly target: Target;
  /** The record at the beginning. */
  readonly record: SessionRecord;
  readonly outcomes: Readonly<Record<Side, Outcome>>;
  /** The calls, in the order in which they were let through; two at once share a turn. */
  readonly turns: readonly (readonly Step[])[];
  readonly ids: readonly KnownId[];
  /** What the store has under each handle that came up, as its two clients tell it. */
  readonly records: ReadonlyMap<string, readonly (SessionRecord | undefined)[]>;
  /** The handles that the store lists, by user; undefined where it lists none. */
  readonly lists: ReadonlyMap<string, readonly string[]> | undefined;
}

/** More calls than any two operations need between them. */
const MAX_CALLS = 50;

const READS = new Set(["read"]);

/** Lets two operations race for one session, by the turns that `choose` gives them. */
export async function play(
  { store, other }: Clients<Store>,
  isLoggedIn: boolean,
  operations: Readonly<Record<Side, Operation>>,
  choose: Choose,
): Promise<Race> {
  const { target, record, id } = await begin(store, isLoggedIn);
  const outcomes: Record<Side, Outcome> = { a: { operation: operations.a }, b: { operation: operations.b } };
  const performers: Readonly<Record<Side, Performer>> = {
    a: perform((gate) => act("a", store, outcomes.a, target, id, gate)),
    b: perform((gate) => act("b", other, outcomes.b, target, id, gate)),
  };
  const next = (side: Side): Step | undefined => performers[side].next as Step | undefined;
  await Promise.all([performers.a.begun, performers.b.begun]);

  const turns: Step[][] = [];
  for (;;) {
    const ready = (["a", "b"] as const).filter(next);
    if (ready.length === 0) break;
    assert.ok(turns.length < MAX_CALLS, `two operations have called the store ${MAX_CALLS} times, and are not done`);
    // One call after the other, or both at once; two that only read don't mind.
    const ways: Side[][] = ready.map((side) => [side]);
    if (ready.length === 2 && !ready.every((side) => READS.has(next(side)!.does))) ways.push(ready);
    const turn = ways[ways.length === 1 ? 0 : choose(ways.length)]!;
    turns.push(turn.map((side) => next(side)!));
    await Promise.all(turn.map((side) => performers[side].advance()));
  }
  return { target, record, outcomes, turns, ...(await look({ store, other }, target, id, outcomes, turns)) };
}

/** A session of some age, as a browser's request would have left it. */
async function begin(
  store: Store,
  isLoggedIn: boolean,
): Promise<{ target: Target; record: SessionRecord; id: string }> {
  const target = { handle: newHandle(), userId: `user-${newHandle()}`, otherId: `user-${newHandle()}` };
  const secret = newSecret();
  const time = Date.now() - AGE;
  const record: SessionRecord = {
    secretHash: await hashSecret(secret),
    entries: new Map(Object.entries({ kept: '"as it was"', shared: "0" })),
    ...(isLoggedIn && { userId: target.userId, authenticatedAt: time }),
    createdAt: time,
    touchedAt: time,
    expiresAt: time + LIFE,
    version: 1,
  };
  assert.equal(await store.create(target.handle, record), "created");
  return { target, record, id: `${target.handle}.${secret}` };
}

async function act(by: Side, store: Store, outcome: Outcome, target: Target, id: string, gate: Gate): Promise<void> {
  const { operation } = outcome;
  const options = operation.kind === "request" ? operation.options : {};
  // A call that stops at the gate is not a slow store's.
  const sessions = createSessions<Data>({ timeout: "1h", ...options, store: gated(store, by, gate) });
  try {
    if (operation.kind === "request") await request(sessions, operation, by, outcome, target, id);
    else await operation.run(sessions, target, store, (call, run) => gate({ by, ...call }, run));
  } catch (error) {
    outcome.error = error;
  } finally {
    await sessions.close();
  }
}

async function request(
  sessions: Sessions<Data>,
  operation: Request,
  by: Side,
  outcome: Outcome,
  target: Target,
  id: string,
): Promise<void> {
  const exchange = await sessions.open(head(id));
  const { session } = exchange;
  if (!session.isNew) outcome.saw = { ...session.data };
  const edits = await (async () => {
    try {
      await operation.handle(session, by, target);
      return await exchange.commit();
    } catch (error) {
      outcome.error = error;
      return exchange.abandon();
    }
  })();
  if (edits.setCookie === undefined) return;
  const value = edits.setCookie.split(";", 1)[0]!.slice("sid=".length);
  if (value === "") outcome.cleared = true;
  else outcome.id = value;
}

const head = (id: string) => ({
  header: (name: string) => (name === "cookie" ? `sid=${id}` : undefined),
  encrypted: false,
});

/** The store with each call stopping at the gate. It stays open when it is closed. */
function gated(store: Store & Partial<IndexedStore>, by: Side, gate: Gate): Store & Partial<IndexedStore> {
  function stop<T>(call: Call & { answer?: T }, run: () => T | Promise<T>): Promise<T> {
    const step = { by, ...call };
    return gate(step, async () => {
      const answer = await run();
      step.answer = answer;
      return answer;
    });
  }
  const { list, deleteAll } = store;
  return {
    read: (handle) => stop({ does: "read", handle }, () => store.read(handle)),
    create: (handle, record) => stop({ does: "create", handle, record }, () => store.create(handle, record)),
    update: (handle, change, condition) =>
      stop({ does: "update", handle, change, condition }, () => store.update(handle, change, condition)),
    delete: (handle) => stop({ does: "delete", handle }, () => store.delete(handle)),
    sweep: (now) => store.sweep(now),
    close: () => {},
    ...(list &&
      deleteAll && {
        list: (userId: string) => list.call(store, userId),
        deleteAll: (userId: string, options?: { except?: string }) =>
          stop({ does: "deleteAll", userId, except: options?.except }, () => deleteAll.call(store, userId, options)),
      }),
  };
}

/** What is left of the race, in the store and for who has one of the ids. */
async function look(
  { store, other }: Clients<Store & Partial<IndexedStore>>,
  { handle, userId, otherId }: Target,
  first: string,
  outcomes: Readonly<Record<Side, Outcome>>,
  turns: readonly (readonly Step[])[],
): Promise<Pick<Race, "ids" | "records" | "lists">> {
  const steps = turns.flat();
  const created = steps.flatMap((step) => (step.does === "create" ? [step.handle] : []));
  const handles = [...new Set([handle, ...created])];
  const readTwice = async (each: string) => [each, await Promise.all([store.read(each), other.read(each)])] as const;
  const listOf = async (each: string) => [each, (await store.list!(each)).map((one) => one.handle)] as const;

  const sessions = createSessions<Data>({ store: { ...store, close: () => {} } });
  const open = async (id: string): Promise<KnownId> => {
    const { handle, secret } = parseId(id)!;
    const { session } = await sessions.open(head(id));
    return { handle, secretHash: await hashSecret(secret), opens: !session.isNew };
  };
  const known = [first, outcomes.a.id, outcomes.b.id].filter((id) => id !== undefined);
  try {
    const [ids, records, lists] = await Promise.all([
      Promise.all(known.map(open)),
      Promise.all(handles.map(readTwice)),
      store.list && Promise.all([userId, otherId].map(listOf)),
    ]);
    return { ids, records: new Map(records), lists: lists && new Map(lists) };
  } finally {
    await sessions.close();
  }
}
