import type { SessionRecord } from "../../../src/store.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";

/**
 * A process of its own on the database: `child.ts TASK PATH COUNT`. It says "ready" to its parent, works on the answer, and sends
 * what the task came to.
 */
const [task, path, count] = process.argv.slice(2) as [keyof typeof tasks, string, string];

const SECRET = "1:the-hash-of-a-secret";
const times = () => ({ touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
const fresh = (entries: [string, string][] = []): SessionRecord => ({
  secretHash: SECRET,
  entries: new Map(entries),
  createdAt: Date.now(),
  ...times(),
  version: 1,
});

const tasks = {
  /** Opens the file, new or not, and adds a record. */
  async start() {
    return sqliteStore(path, { lockTimeout: 20_000 }).create(`started-${process.pid}`, fresh());
  },

  /** Adds `count` to an entry, one by one, each compared and set. */
  async increment() {
    const store = sqliteStore(path, { lockTimeout: 20_000 });
    let conflicts = 0;
    for (let done = 0; done < Number(count); ) {
      const { entries, version } = (await store.read("counter"))!;
      const set = new Map([["n", String(Number(entries.get("n") ?? 0) + 1)]]);
      const { status } = await store.update("counter", { set, ...times() }, { secretHash: SECRET, ifVersion: version });
      if (status === "updated") done++;
      else conflicts++;
    }
    return conflicts;
  },

  /** Updates a record `count` times, eight at a time in one transaction. */
  async updateTogether() {
    const store = sqliteStore(path, { lockTimeout: 20_000, synchronous: "full" });
    const update = () => store.update("counter", times(), { secretHash: SECRET });
    const versions: number[] = [];
    while (versions.length < Number(count))
      for (const answer of await Promise.all(Array.from({ length: 8 }, update)))
        if (answer.status === "updated") versions.push(answer.version);
    return versions;
  },

  /** Creates `count` records under the same handles as its siblings. Answers how many it was first at. */
  async create() {
    const store = sqliteStore(path, { lockTimeout: 20_000 });
    let first = 0;
    for (let i = 0; i < Number(count); i++) {
      const answer = await store.create(`contested-${i}`, fresh([["by", String(process.pid)]]));
      if (answer === "created") first++;
    }
    return first;
  },

  /** Creates, updates and deletes without end, and says on stdout what was acknowledged. */
  async write() {
    const store = sqliteStore(path);
    const say = (word: string, i: number) => new Promise((written) => process.stdout.write(`${word} ${i}\n`, written));
    for (let i = 0; ; i++) {
      await store.create(`record-${i}`, fresh());
      await say("created", i);
      await store.update(`record-${i}`, { set: new Map([["n", String(i)]]), ...times() }, { secretHash: SECRET });
      await say("updated", i);
      if (i % 10 !== 0) continue; // a deletion waits for the disk
      await store.delete(`record-${i}`);
      await say("deleted", i);
    }
  },
};

process.once("message", async () => {
  process.send!(await tasks[task]());
  process.disconnect();
});
process.send!("ready");
