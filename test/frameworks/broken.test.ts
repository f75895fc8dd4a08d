import { createServer } from "node:http";
import type { Exchange, HeaderEdits } from "holdfast";
import { adapterCases, type Serve } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { serveNode } from "./node.ts";

type Parts = Pick<Exchange<object>, "commit" | "abandon" | "seal" | "end">;

const edited = (edits: HeaderEdits | Promise<HeaderEdits>, edit: (edits: HeaderEdits) => HeaderEdits) =>
  edits instanceof Promise ? edits.then(edit) : edit(edits);

/** What an adapter can get wrong, and the case that says so. */
const mistakes: Record<string, [caught: string, mistake: (exchange: Parts) => Partial<Parts>]> = {
  "answers while it still saves": [
    "a response does not leave before the session is saved (update)",
    (exchange) => ({
      commit() {
        Promise.resolve(exchange.commit()).catch(() => {});
        return { vary: "Cookie" };
      },
    }),
  ],
  "never saves": [
    "the first data sets one cookie, that of a memory session, and the next request reads it",
    () => ({ commit: () => ({ vary: "Cookie" }) }),
  ],
  "takes a failure for a success": [
    "a session that can't be updated is an error, never a 200, and the app recovers with the store",
    (exchange) => ({ commit: () => Promise.resolve(exchange.commit()).catch(() => ({ vary: "Cookie" })) }),
  ],
  "forgets the cookie": [
    "the first data sets one cookie, that of a memory session, and the next request reads it",
    (exchange) => ({ commit: () => edited(exchange.commit(), ({ vary }) => ({ vary })) }),
  ],
  "forgets Vary": [
    "Vary names Cookie where the session was read, beside what the app named",
    (exchange) => ({ commit: () => edited(exchange.commit(), (edits) => ({ ...edits, vary: undefined })) }),
  ],
  "names Vary always": [
    "Vary names Cookie where the session was read, beside what the app named",
    (exchange) => ({ commit: () => edited(exchange.commit(), (edits) => ({ ...edits, vary: "Cookie" })) }),
  ],
  "forgets the cookie of a login when a later commit fails": [
    "an error tells of the login before it, whose id is the only one that still works",
    (exchange) => ({
      abandon() {
        exchange.abandon();
        return {};
      },
    }),
  ],
  "lets a session be changed after its response": [
    "after the response a change is refused, and the methods that need no cookie work",
    () => ({ seal() {}, end() {} }),
  ],
  "does not look for changes at a stream's end": [
    "a change in mid-stream that nobody saves breaks the stream, and is an error",
    (exchange) => ({ end: () => exchange.seal() }),
  ],
};

const serveHttp = serveNode(createServer, "http");

/** node:http, with the mistake between the adapter and the core. */
const serve =
  (mistake: (exchange: Parts) => Partial<Parts>): Serve =>
  (sessions, app) => {
    const open: typeof sessions.open = async (head) => {
      const exchange = await sessions.open(head);
      const parts: Parts = {
        commit: () => exchange.commit(),
        abandon: () => exchange.abandon(),
        seal: () => exchange.seal(),
        end: () => exchange.end(),
      };
      return { session: exchange.session, ...parts, ...mistake(parts) } as typeof exchange;
    };
    return serveHttp({ ...sessions, open }, app);
  };

describe("an adapter is caught that", () => {
  it.each(Object.entries(mistakes))("%s", async (_, [caught, mistake]) => {
    const named = adapterCases(serve(mistake)).find(({ name }) => name === caught);
    await expect(named?.run()).rejects.toThrow();
  });
});
