import { randomBytes } from "node:crypto";
import { HoldfastError, isHoldfastError } from "../errors.ts";
import { check } from "../redis/check.ts";
import { type RedisClient, readsFromReplicas, senderOf } from "../redis/client.ts";
import { explained, failure, messageOf } from "../redis/failures.ts";
import { corrupt, decode, decodeUser, encode, encodeUser, escapeNul } from "../redis/record.ts";
import { CREATE, HANDLES, INDEX, REMOVE, reach, type Script, UPDATE } from "../redis/scripts.ts";
import type { Change, IndexedStore, UpdateCondition, UpdateResult } from "../store.ts";

export type { RedisClient } from "../redis/client.ts";

export interface RedisStoreOptions {
  /** What the names of all keys begin with. Default `holdfast:`. */
  prefix?: string;
  /**
   * Lets a write succeed only when so many replicas have it as well, each within `timeout` ms (default 1000), so that it outlives its primary.
   * Where they don't answer in time the operation throws `store-failed`; the write is on the primary then, and may stay. It costs a round trip to the replicas, and the
   * connection waits meanwhile. It makes loss unlikely, not impossible: a failover may still choose a replica that lagged behind. Default: no waiting.
   */
  waitForReplicas?: { count: number; timeout?: number };
  /** Gets what the store finds wrong with the server's settings, once. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/**
 * Sessions in Redis (6.2 or later) or Valkey, for any number of processes. Takes a connected client of node-redis (5, 6), ioredis or iovalkey, be it
 * for one server, Sentinel or Cluster. `close` leaves it open.
 *
 * A read and a commit are one round trip each, and a commit is atomic. A record is one key, which the server removes when it has expired; `sweep`
 * finds nothing to do. A user's sessions are found through an index of their handles, a key for each user.
 *
 * The store never sends a commit twice by itself. A client that does so when it has lost the connection, as ioredis by default, does
 * no harm: the record knows its latest commits.
 *
 * Throws `option-unknown` and `option-invalid`; its operations, `store-failed`, `store-readonly`, `store-full` and `store-closed`.
 *
 * ```ts
 * import { redisStore } from "holdfast/stores/redis";
 * import { createClient } from "redis";
 *
 * const client = await createClient({ url: "redis://127.0.0.1:6379" }).on("error", console.error).connect();
 * const sessions = createSessions({ store: redisStore(client) });
 * ```
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): IndexedStore {
  const { prefix, onWarning, waitForReplicas, sender } = checked(client, options);
  const { send, sendBoth } = sender;
  const keyOf = (handle: string) => prefix + handle;
  const indexOf = (userId: string) => `${prefix}user:${userId}`;
  let closed = false;
  let looked = false;

  async function run<T>(operation: string, step: () => Promise<T>): Promise<T> {
    if (closed) throw failure("store-closed", operation, "The store was closed before. Create a new one.");
    if (!looked) {
      looked = true;
      void check(send, prefix).then((found) => found.forEach((problem) => void onWarning(`holdfast: ${problem}`)));
    }
    try {
      return await step();
    } catch (error) {
      throw explained(error, operation);
    }
  }

  async function evaluate({ text, sha1 }: Script, key: string, ...args: string[]): Promise<unknown> {
    try {
      return await send(key, "EVALSHA", sha1, "1", key, ...args);
    } catch (error) {
      // The server is new, or was restarted.
      if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
      return send(key, "EVAL", text, "1", key, ...args);
    }
  }

  /** Runs a script that writes. Each answers a text. */
  async function commit(operation: string, ...[script, key, ...args]: Parameters<typeof evaluate>): Promise<string> {
    if (!waitForReplicas) return String(await evaluate(script, key, ...args));
    const { count, timeout } = waitForReplicas;
    const command = ["evalsha", script.sha1, "1", key, ...args];
    let answer: string | undefined;
    for (let attempts = 0; attempts < 3; attempts++) {
      try {
        const [reply, copies] = await sendBoth(key, command, ["wait", String(count), String(timeout)]);
        answer ??= String(reply);
        if (Number(copies) >= count) return answer;
        break;
      } catch (error) {
        if (!/^(NOSCRIPT|MOVED|ASK)/.test(messageOf(error))) throw error;
        // Nothing was written. The client finds the way by itself; what it wrote is known when it comes again, and WAIT takes the same connection.
        answer ??= String(await evaluate(script, key, ...args));
      }
    }
    const text = `Fewer than ${count} replicas had the write within ${timeout} ms, or its slot was moving. It may be lost with the primary, or stay.`;
    throw failure("store-failed", operation, text);
  }

  function index(operation: string, userId: string, handle: string, expiresAt: number): Promise<unknown> {
    return commit(operation, INDEX, indexOf(userId), handle, String(reach(expiresAt)), now());
  }

  /** Not waited for: a handle that stays behind is read in vain until its reach is over, and does no other harm. */
  function unindex(userId: string, handles: readonly string[]): void {
    const key = indexOf(userId);
    send(key, "ZREM", key, ...handles).catch(() => {});
  }

  async function read(handle: string) {
    const key = keyOf(handle);
    const value = await send(key, "GET", key);
    const record = value == null ? undefined : decode(handle, String(value));
    return record && record.expiresAt > Date.now() ? record : undefined;
  }

  /** One that is damaged opens for nobody, so it is no session of its user's, and hides none of the others. */
  const readListed = (handle: string) =>
    read(handle).catch((error) => {
      if (isHoldfastError(error) && error.code === "record-corrupt") return undefined;
      throw error;
    });

  async function update(handle: string, change: Change, condition: UpdateCondition): Promise<UpdateResult> {
    const id = nextCommit();
    const apply = (indexed: string) =>
      commit("update", UPDATE, keyOf(handle), ...argumentsOf(id, indexed, change, condition));
    const { userId, expiresAt } = change;
    // The index may be written beside the record: until both are, nobody gets the new secret.
    const login = userId === undefined ? undefined : index("update", userId, handle, expiresAt);
    let [reply] = await Promise.all([apply(encodeUser(userId)), login]);
    while (reply.startsWith("u")) {
      // Here the client has the secret already. So the index comes first, and no crash can leave a session out of it.
      await index("update", decodeUser(reply), handle, expiresAt);
      reply = await apply(reply);
    }
    if (reply === "corrupt") throw corrupt(handle);
    return reply.startsWith("=")
      ? { status: "updated", version: Number(reply.slice(1)) }
      : { status: reply as "gone" | "conflict" };
  }

  async function remove(operation: string, handle: string, userId?: string) {
    const only = userId === undefined ? [] : [encodeUser(userId)];
    const reply = await commit(operation, REMOVE, keyOf(handle), now(), ...only);
    if (reply === "") return undefined;
    const user = reply.slice(1);
    return { live: reply[0] === "1", userId: user === "" ? undefined : decodeUser(user) };
  }

  const handlesOf = async (userId: string) =>
    ((await evaluate(HANDLES, indexOf(userId), now())) as unknown[]).map(String);

  return {
    read: (handle) => run("read", () => read(handle)),

    create: (handle, record) =>
      run("create", async () => {
        const { userId, expiresAt } = record;
        const id = nextCommit();
        const [reply] = await Promise.all([
          commit("create", CREATE, keyOf(handle), encode(record, id), String(expiresAt), now(), id),
          userId === undefined ? undefined : index("create", userId, handle, expiresAt),
        ]);
        return reply as "created" | "exists";
      }),

    update: (handle, change, condition) => run("update", () => update(handle, change, condition)),

    delete: (handle) =>
      run("delete", async () => {
        const removed = await remove("delete", handle);
        if (removed?.userId !== undefined) unindex(removed.userId, [handle]);
        return removed?.live ?? false;
      }),

    list: (userId) =>
      run("list", async () => {
        const handles = await handlesOf(userId);
        const found = await Promise.all(handles.map(async (handle) => ({ handle, record: await readListed(handle) })));
        // What the index says is where to look: a handle of which the record is gone, or not yet there, isn't the user's.
        return found
          .flatMap(({ handle, record }) => (record?.userId === userId ? [{ handle, record }] : []))
          .sort((a, b) => b.record.touchedAt - a.record.touchedAt);
      }),

    deleteAll: (userId, { except } = {}) =>
      run("deleteAll", async () => {
        const handles = (await handlesOf(userId)).filter((handle) => handle !== except);
        const removals = handles.map(async (handle) => {
          const removed = await remove("deleteAll", handle, userId);
          return removed ? [{ handle, live: removed.live }] : [];
        });
        const removed = (await Promise.all(removals)).flat();
        if (removed.length > 0)
          unindex(
            userId,
            removed.map(({ handle }) => handle),
          );
        return removed.filter(({ live }) => live).map(({ handle }) => handle);
      }),

    sweep: () => run("sweep", async () => 0),

    problems: () => run("problems", () => check(send, prefix)),

    async close() {
      closed = true;
    },
  };
}

/** The app's clock alone decides what is live: it also made the record's times. The server's clock only clears away. */
const now = (): string => String(Date.now());

const PROCESS = randomBytes(6).toString("base64url");
let commits = 0;
/** Names a commit, so that the record knows it if it comes again. Always twelve characters; the last four come around after a million. */
const nextCommit = (): string => PROCESS + (commits++ % 36 ** 4).toString(36).padStart(4, "0");

/** As {@link UPDATE} takes them. */
function argumentsOf(commit: string, indexed: string, change: Change, condition: UpdateCondition): string[] {
  const { set = new Map<string, string>(), remove = [], rotate, userId, authenticatedAt = "" } = change;
  const { secretHash, ifVersion = "" } = condition;
  const secret = [rotate?.secretHash ?? "", rotate?.graceUntil ?? ""];
  const fields = [commit, now(), secretHash, ifVersion, change.touchedAt, change.expiresAt, ...secret];
  const args = [...fields, encodeUser(userId), authenticatedAt, indexed, set.size].map(String);
  for (const [name, text] of set) args.push(escapeNul(name), escapeNul(text));
  for (const name of remove) args.push(escapeNul(name));
  return args;
}

function checked(client: RedisClient, options: RedisStoreOptions) {
  const { prefix = "holdfast:", onWarning = console.warn, waitForReplicas, ...others } = options;
  for (const option of Object.keys(others)) {
    const text = `redisStore has no option "${option}". It takes \`prefix\`, \`waitForReplicas\` and \`onWarning\`.`;
    throw new HoldfastError("option-unknown", text, { option });
  }
  const demand = (holds: boolean, option: string, text: string) => {
    if (!holds) throw new HoldfastError("option-invalid", text, { option });
  };
  const sender = senderOf(client);
  demand(sender !== undefined, "client", "redisStore takes a client of node-redis, ioredis or iovalkey.");
  const lag = '`scaleReads` must be "master": a replica may not know yet what the last request wrote.';
  demand(!readsFromReplicas(client), "client", lag);
  demand(typeof prefix === "string", "prefix", "`prefix` is a text.");
  demand(typeof onWarning === "function", "onWarning", "`onWarning` is a function.");
  const { count = 0, timeout = 1000 } = waitForReplicas ?? {};
  const whole = [count, timeout].every((number) => Number.isSafeInteger(number) && number > 0);
  const text = "`waitForReplicas` is { count, timeout }, whole numbers from 1 on.";
  demand(waitForReplicas === undefined || whole, "waitForReplicas", text);
  return { prefix, onWarning, sender: sender!, waitForReplicas: waitForReplicas && { count, timeout } };
}
