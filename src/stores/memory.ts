import { HoldfastError } from "../errors.ts";
import { Index } from "../memory/keys.ts";
import { merge, pack, unpack } from "../memory/packed.ts";
import { Rings } from "../memory/rings.ts";
import { Table } from "../memory/table.ts";
import type { Change, IndexedStore, ListedRecord, SessionRecord, UpdateCondition, UpdateResult } from "../store.ts";
import { acceptsSecret } from "../store.ts";

export interface MemoryStoreOptions {
  /** The most sessions to keep, a whole number from 1 on. Default: no bound but `maxBytes`. */
  maxSessions?: number;
  /**
   * The most memory to take, in bytes. Default: 128 MiB, some 200,000 small sessions. It is held against an estimate by
   * lengths: a byte a character, and a fixed part for each session and each entry. Text that is not Latin takes two
   * bytes a character, so an app that keeps much of it may use up to twice the bound.
   */
  maxBytes?: number;
}

/**
 * Keeps sessions in this process: for development, tests, and servers of one process whose users may be logged out by a
 * restart. At a bound it evicts the session that has gone unused the longest. Memory that many sessions took is freed when
 * they end, but for some 90 bytes each, kept for those to come.
 *
 * A record that alone is larger than `maxBytes` throws `store-full`; options out of their range throw `option-invalid`,
 * unknown ones `option-unknown`.
 *
 * ```ts
 * const sessions = createSessions({ store: memoryStore({ maxSessions: 10_000 }) });
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): IndexedStore {
  let rows: Rows | undefined = new Rows(checked(options));
  const open = (operation: string): Rows => {
    if (rows) return rows;
    throw new HoldfastError("store-closed", "The memory store was closed; open a new one.", { operation });
  };
  return {
    read: (handle) => open("read").read(handle),
    create: (handle, record) => open("create").create(handle, record),
    update: (handle, change, condition) => open("update").update(handle, change, condition),
    delete: (handle) => open("delete").delete(handle),
    list: (userId) => open("list").list(userId),
    deleteAll: (userId, { except } = {}) => open("deleteAll").deleteAll(userId, except),
    async sweep(now) {
      let swept = 0;
      for (const removed of open("sweep").sweep(now)) {
        swept += removed;
        await turn();
      }
      return swept;
    },
    problems: () => [
      "Sessions are kept in this process's memory: a restart ends them all, and a second process knows none of them. Take sqliteStore, redisStore or postgresStore for production.",
    ],
    async close() {
      rows = undefined;
    },
  };
}

/** Lets the event loop take a turn. Not every runtime has setImmediate. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof globalThis.setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

const DEFAULTS: Required<MemoryStoreOptions> = { maxSessions: Number.POSITIVE_INFINITY, maxBytes: 128 * 2 ** 20 };

function checked(options: MemoryStoreOptions): Required<MemoryStoreOptions> {
  const bounds = { ...DEFAULTS };
  for (const [option, value] of Object.entries(options)) {
    if (option !== "maxSessions" && option !== "maxBytes") {
      const message = `memoryStore has no option "${option}"; it takes maxSessions and maxBytes.`;
      throw new HoldfastError("option-unknown", message, { option });
    }
    if (value === undefined) continue;
    if (!(Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY) || value < 1)
      throw new HoldfastError("option-invalid", `memoryStore: ${option} must be a whole number from 1 on.`, { option });
    bounds[option] = value;
  }
  return bounds;
}

/** What a session and an entry take beside the texts' own characters, in bytes, as bench/memory.ts measures it. */
const BYTES_PER_SESSION = 400;
const BYTES_PER_ENTRY = 40;

/** Rows that a sweep looks at before it lets other work in: a millisecond or two. */
const SLICE = 500;

// Expiry is a wheel of rings, one for each tick of 10 seconds; a row lies in the ring of its expiry's tick, modulo a round
// of 11 hours. So a sweep looks only at the rings of the ticks since the last one, and in them at the few rows too that
// have a round to go.
const TICK = 10_000;
const ROUND = 4096;
const ringOf = (tick: number): number => -1 - (tick & (ROUND - 1));

// Heads of rings: rows count from 0, heads down from -1.
const USED = -1;
const DUE = -1 - ROUND;

/** What lies in a row, but for its times: in an object V8 would box each of them, so they lie in a table. */
interface Row {
  readonly handle: string;
  readonly secretHash: string;
  readonly previousHash: string | undefined;
  readonly userId: string | undefined;
  /** Name, text, name, text … */
  readonly entries: readonly string[];
  readonly version: number;
  readonly bytes: number;
}

const [CREATED, AUTHENTICATED, TOUCHED, EXPIRES, GRACE] = [0, 1, 2, 3, 4] as const;

/** The sessions, in numbered rows. A removed one's number goes to the next that comes. */
class Rows {
  readonly #bounds: Required<MemoryStoreOptions>;
  readonly #rows: (Row | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #times = new Table(5, Float64Array);
  readonly #byHandle = new Index();
  /** One row of each user; the others are in a ring with it. */
  readonly #byUser = new Index();
  readonly #users = new Rings(0);
  /** From the most lately used to the one to evict next. */
  readonly #use = new Rings(1);
  readonly #expiry = new Rings(ROUND + 1);
  readonly #tables = [this.#times, this.#users, this.#use, this.#expiry];
  #tick = Math.floor(Date.now() / TICK);
  #bytes = 0;

  constructor(bounds: Required<MemoryStoreOptions>) {
    this.#bounds = bounds;
  }

  read(handle: string): SessionRecord | undefined {
    const n = this.#live(handle, Date.now());
    if (n === undefined) return undefined;
    this.#use.moveUp(n, USED);
    return this.#record(n);
  }

  create(handle: string, record: SessionRecord): "created" | "exists" {
    if (this.#byHandle.get(handle) !== undefined) return "exists";
    const { secretHash, previousHash, userId, version } = record;
    const entries = pack(record.entries);
    const bytes = this.#measure(entries, userId, "create");
    const n = this.#free.pop() ?? this.#rows.length;
    for (const table of this.#tables) table.add(n);
    this.#byHandle.set(handle, n);
    this.#file(n, record.expiresAt);
    const times = this.#times;
    times.set(n, CREATED, record.createdAt);
    times.set(n, AUTHENTICATED, record.authenticatedAt ?? Number.NaN);
    times.set(n, TOUCHED, record.touchedAt);
    times.set(n, EXPIRES, record.expiresAt);
    times.set(n, GRACE, record.graceUntil ?? Number.NaN);
    this.#write(n, { handle, secretHash, previousHash, userId, entries, version, bytes });
    return "created";
  }

  update(handle: string, change: Change, { secretHash, ifVersion }: UpdateCondition): UpdateResult {
    const now = Date.now();
    const n = this.#live(handle, now);
    if (n === undefined) return { status: "gone" };
    const row = this.#rows[n]!;
    const times = this.#times;
    const secrets = { secretHash: row.secretHash, previousHash: row.previousHash, graceUntil: times.get(n, GRACE) };
    if (!acceptsSecret(secrets, secretHash, now)) return { status: "gone" };
    if (ifVersion !== undefined && ifVersion !== row.version) return { status: "conflict" };
    const { rotate, userId = row.userId, authenticatedAt, touchedAt, expiresAt } = change;
    const entries = merge(row.entries, change);
    const bytes = this.#measure(entries, userId, "update");
    const version = row.version + 1;
    // A row whose expiry moves on, as it does with every use, stays where it is until a sweep comes by.
    if (expiresAt < times.get(n, EXPIRES)) this.#file(n, expiresAt);
    times.set(n, TOUCHED, touchedAt);
    times.set(n, EXPIRES, expiresAt);
    if (authenticatedAt !== undefined) times.set(n, AUTHENTICATED, authenticatedAt);
    if (rotate) times.set(n, GRACE, rotate.graceUntil);
    this.#write(n, {
      // The request's own text of the handle may hold on to the whole header that it was cut from.
      handle: row.handle,
      secretHash: rotate ? rotate.secretHash : row.secretHash,
      previousHash: rotate ? row.secretHash : row.previousHash,
      userId,
      entries,
      version,
      bytes,
    });
    return { status: "updated", version };
  }

  delete(handle: string): boolean {
    const n = this.#byHandle.get(handle);
    if (n === undefined) return false;
    const live = this.#isLive(n, Date.now());
    this.#remove(n);
    return live;
  }

  list(userId: string): ListedRecord[] {
    const now = Date.now();
    return this.#rowsOf(userId)
      .filter((n) => this.#isLive(n, now))
      .map((n) => ({ handle: this.#handle(n), record: this.#record(n) }))
      .sort((a, b) => b.record.touchedAt - a.record.touchedAt);
  }

  deleteAll(userId: string, except: string | undefined): string[] {
    return this.#rowsOf(userId)
      .map((n) => this.#handle(n))
      .filter((handle) => handle !== except && this.delete(handle));
  }

  /** Removes what has expired by `now`, in slices, and yields how many after each. */
  *sweep(now: number): Generator<number> {
    this.#gatherDue(Math.floor(now / TICK));
    let swept = 0;
    for (let seen = 1, n = this.#expiry.next(DUE); n !== DUE; seen++, n = this.#expiry.next(DUE)) {
      const expiresAt = this.#times.get(n, EXPIRES);
      if (expiresAt > now) this.#file(n, expiresAt);
      else {
        this.#remove(n);
        swept++;
      }
      if (seen % SLICE > 0) continue;
      yield swept;
      swept = 0;
    }
    yield swept;
  }

  /** Puts the rings of the ticks gone by into the one that sweeps take rows from, be it several sweeps at a time. */
  #gatherDue(tick: number): void {
    // A clock may go back; what is overdue then still lies in the ring of the later tick.
    const last = Math.max(this.#tick, tick);
    for (let due = Math.max(this.#tick, last - ROUND + 1); due <= last; due++) this.#expiry.splice(ringOf(due), DUE);
    this.#tick = tick;
  }

  /** Lays the row into the ring of its expiry; if it is overdue, into the one where the next sweep begins. */
  #file(n: number, expiresAt: number): void {
    this.#expiry.moveUp(n, ringOf(Math.max(Math.floor(expiresAt / TICK), this.#tick)));
  }

  #live(handle: string, now: number): number | undefined {
    const n = this.#byHandle.get(handle);
    return n !== undefined && this.#isLive(n, now) ? n : undefined;
  }

  #isLive(n: number, now: number): boolean {
    return this.#times.get(n, EXPIRES) > now;
  }

  #handle(n: number): string {
    return this.#rows[n]!.handle;
  }

  #record(n: number): SessionRecord {
    const { secretHash, previousHash, userId, entries, version } = this.#rows[n]!;
    const times = this.#times;
    const record: { -readonly [Field in keyof SessionRecord]: SessionRecord[Field] } = {
      secretHash,
      entries: unpack(entries),
      createdAt: times.get(n, CREATED),
      touchedAt: times.get(n, TOUCHED),
      expiresAt: times.get(n, EXPIRES),
      version,
    };
    if (userId !== undefined) record.userId = userId;
    if (previousHash !== undefined) record.previousHash = previousHash;
    const graceUntil = times.get(n, GRACE);
    if (!Number.isNaN(graceUntil)) record.graceUntil = graceUntil;
    const authenticatedAt = times.get(n, AUTHENTICATED);
    if (!Number.isNaN(authenticatedAt)) record.authenticatedAt = authenticatedAt;
    return record;
  }

  #measure(entries: readonly string[], userId: string | undefined, operation: string): number {
    let bytes = BYTES_PER_SESSION + (userId?.length ?? 0) + (BYTES_PER_ENTRY * entries.length) / 2;
    for (let i = 0; i < entries.length; i++) bytes += entries[i]!.length;
    if (bytes <= this.#bounds.maxBytes) return bytes;
    const message = `A session of ${bytes} bytes does not fit into maxBytes: keep less in it, or raise the bound.`;
    throw new HoldfastError("store-full", message, { operation });
  }

  #write(n: number, row: Row): void {
    const before = this.#rows[n];
    this.#index(n, before?.userId, row.userId);
    this.#bytes += row.bytes - (before?.bytes ?? 0);
    this.#rows[n] = row;
    this.#use.moveUp(n, USED);
    // The row just written is the last in line, and alone it fits.
    while (this.#rows.length - this.#free.length > this.#bounds.maxSessions || this.#bytes > this.#bounds.maxBytes)
      this.#remove(this.#use.previous(USED));
  }

  #rowsOf(userId: string): number[] {
    const first = this.#byUser.get(userId);
    if (first === undefined) return [];
    const rows = [first];
    for (let n = this.#users.next(first); n !== first; n = this.#users.next(n)) rows.push(n);
    return rows;
  }

  #index(n: number, before: string | undefined, after: string | undefined): void {
    if (before === after) return;
    if (before !== undefined) {
      const fellow = this.#users.next(n);
      if (fellow === n) this.#byUser.delete(before);
      else this.#byUser.set(before, fellow);
      this.#users.remove(n);
    }
    if (after !== undefined) {
      const fellow = this.#byUser.get(after);
      if (fellow === undefined) this.#byUser.set(after, n);
      else this.#users.moveUp(n, fellow);
    }
  }

  #remove(n: number): void {
    const { handle, userId, bytes } = this.#rows[n]!;
    this.#byHandle.delete(handle);
    this.#index(n, userId, undefined);
    this.#use.remove(n);
    this.#expiry.remove(n);
    this.#bytes -= bytes;
    this.#rows[n] = undefined;
    this.#free.push(n);
  }
}
