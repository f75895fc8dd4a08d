import fc from "fast-check";
import { createSessions, type IndexedSessions } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, client } from "../../core/client.ts";
import { describeWith } from "../../needs.ts";
import { inD1, inMysql, inPostgres, inRedis, inSqlite, type OpenAStore, type OpenStore } from "../targets/stores.ts";
import { check, FUZZ_TIMEOUT } from "./cases.ts";

interface Data {
  a: unknown;
}

const NAMES = ["", "a", "~device", "%0000", "%", "__proto__"];
const garbage = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.json({ maxDepth: 2 }),
  fc
    .array(fc.string({ unit: fc.constantFrom("1", "\0", "x"), maxLength: 6 }), { maxLength: 20 })
    .map((parts) => parts.join("\0")),
  fc
    .dictionary(fc.constantFrom(...NAMES), fc.oneof(fc.string(), fc.integer(), fc.constant(null)))
    .map((object) => JSON.stringify(object)),
);

const handleOf = ({ cookie = "" }: Client<Data>): string => /=([\w-]{22})\./.exec(cookie)![1]!;

/** A damaged row costs its own session alone. */
function survives(open: OpenAStore): void {
  let opened: OpenStore;
  let sessions: IndexedSessions<Data>;
  let neighbour: Client<Data>;
  const rejected: { reason: string; handle?: string }[] = [];
  beforeAll(async () => {
    opened = await open();
    sessions = createSessions<Data>({ store: opened.store });
    sessions.on("rejected", (event) => void rejected.push(event));
    neighbour = client(sessions);
    await neighbour.request((session) => session.login("ada"));
  });
  afterAll(async () => {
    await sessions.close();
    await opened.close();
  });

  it("is rejected and told of, and its client begins anew", { timeout: FUZZ_TIMEOUT }, () =>
    check(
      fc.asyncProperty(garbage, async (text) => {
        const browser = client(sessions);
        await browser.request((session) => session.login("ada"));
        const handle = handleOf(browser);
        try {
          await opened.plant!(handle, text);
        } catch {
          return; // The database itself takes no such text.
        }
        rejected.length = 0;
        const { value } = await browser.request((session) => {
          const seen = { data: { ...session.data }, isNew: session.isNew, userId: session.userId };
          session.data.a = 1;
          return seen;
        });
        // Either it is corrupt, or the database's own columns still make it one of ada's sessions, with whatever entries these are.
        if (value.isNew) {
          expect(value).toEqual({ data: {}, isNew: true, userId: undefined });
          expect(rejected.map(({ reason }) => reason)).toEqual(["corrupt"]);
          expect(rejected[0]?.handle).toBe(handle);
        } else expect(value.userId).toBe("ada");
        expect((await browser.request(({ data }) => data.a)).value).toBe(1);
        expect((await neighbour.request(({ userId }) => userId)).value).toBe("ada");
        await sessions.revoke(handle);
        await browser.request((session) => session.destroy());
      }),
      0.05,
    ),
  );

  it("does not hide the user's other sessions, nor keep them from ending", async () => {
    const browsers = [client(sessions), client(sessions)] as const;
    for (const browser of browsers) await browser.request((session) => session.login("bob"));
    await opened.plant!(handleOf(browsers[0]), "[1]");
    const listed = await sessions.list({ userId: "bob" });
    expect(listed.map(({ handle }) => handle)).toEqual([handleOf(browsers[1])]);
    await sessions.revokeAll({ userId: "bob" });
    for (const browser of browsers) expect((await browser.request(({ userId }) => userId)).value).toBeUndefined();
  });
}

describe("a damaged row in SQLite", () => survives(inSqlite));
describeWith("workerd", "a damaged row in D1", () => survives(inD1));
describeWith("Redis", "a damaged row in Redis", (place) => survives(inRedis(place)));
describeWith("PostgreSQL", "a damaged row in PostgreSQL", (place) => survives(inPostgres(place)));
describeWith("MariaDB", "a damaged row in MariaDB", (place) => survives(inMysql(place)));
describeWith("MySQL", "a damaged row in MySQL", (place) => survives(inMysql(place)));
