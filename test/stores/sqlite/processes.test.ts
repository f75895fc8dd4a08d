import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { newRecord } from "../fixtures.ts";
import { atEnd, connect, newPath, open } from "./fixtures.ts";

describe("several processes on one file", () => {
  /** Starts the children, lets them go at the same time, and answers what each came to. */
  async function race(children: number, task: string, path: string, count = 0): Promise<unknown[]> {
    const started = Array.from({ length: children }, () => child(task, path, count));
    await Promise.all(started.map(message));
    const ends = started.map((one) => once(one, "exit"));
    for (const one of started) one.send("go");
    const answers = await Promise.all(started.map(message));
    await Promise.all(ends);
    return answers;
  }

  function child(task: string, path: string, count = 0): ChildProcess {
    const execArgv = ["--experimental-strip-types", "--no-warnings"];
    const script = new URL("child.ts", import.meta.url).pathname;
    const started = fork(script, [task, path, String(count)], {
      execArgv,
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    atEnd(() => started.kill("SIGKILL"));
    return started;
  }

  async function message(from: ChildProcess): Promise<unknown> {
    const [answer] = await Promise.race([
      once(from, "message"),
      once(from, "exit").then(([code]) => Promise.reject(new Error(`The child ended with ${code}.`))),
    ]);
    return answer;
  }

  it("lose no increment", async () => {
    const path = newPath();
    const store = open(path);
    await store.create("counter", newRecord());
    const conflicts = (await race(4, "increment", path, 500)) as number[];
    const record = await store.read("counter");
    expect(record?.entries.get("n")).toBe("2000");
    expect(record?.version).toBe(2001);
    expect(Math.max(...conflicts), "the children never met").toBeGreaterThan(0);
  });

  it("lose no update of a group", async () => {
    const path = newPath();
    const store = open(path);
    await store.create("counter", newRecord());
    const versions = (await race(4, "updateTogether", path, 200)) as number[][];
    const sorted = versions.flat().sort((a, b) => a - b);
    expect(sorted).toEqual(Array.from({ length: 800 }, (_, i) => i + 2));
    expect((await store.read("counter"))?.version).toBe(801);
  });

  it("create each record once", async () => {
    const path = newPath();
    const store = open(path);
    const firsts = (await race(4, "create", path, 500)) as number[];
    expect(firsts.reduce((sum, first) => sum + first)).toBe(500);
    for (let i = 0; i < 500; i++) expect((await store.read(`contested-${i}`))?.version).toBe(1);
  });

  it("may all be the first to open it", async () => {
    for (let round = 0; round < 3; round++) {
      const path = newPath();
      expect(await race(6, "start", path)).toEqual(Array(6).fill("created"));
      const db = connect(path);
      expect(db.prepare("SELECT count(*) AS n FROM holdfast_sessions").get()).toEqual({ n: 6 });
      expect(db.prepare("SELECT version FROM holdfast_schema").all()).toEqual([{ version: 1 }]);
    }
  });

  it("keep all that was acknowledged when one is killed in the middle", async () => {
    for (let round = 0; round < 3; round++) {
      const path = newPath();
      const victim = child("write", path);
      const said = text(victim.stdout!);
      await message(victim);
      victim.send("go");
      let heard = 0;
      victim.stdout!.on("data", (chunk: Buffer) => {
        heard += chunk.length;
        if (heard > 3_000 * (round + 1)) victim.kill("SIGKILL");
      });
      expect(await once(victim, "exit")).toEqual([null, "SIGKILL"]);

      const last = new Map<number, string>();
      for (const line of (await said).split("\n").slice(0, -1)) {
        const [word, i] = line.split(" ");
        last.set(Number(i), word!);
      }
      expect(last.size).toBeGreaterThan(50);
      const unsure = last.size - 1; // its next step may have come through, unsaid
      const store = open(path);
      for (const [i, word] of last) {
        const record = await store.read(`record-${i}`);
        if (word === "deleted") expect(record, `record ${i}`).toBe(undefined);
        else if (i !== unsure) expect(record?.entries.get("n"), `record ${i}`).toBe(String(i));
      }
      expect(connect(path).prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    }
  });
});
