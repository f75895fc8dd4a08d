import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commits, expectEdited, type Protocol, type Situation, serve, wire } from "./bare.ts";

/** One step of a handler: a method of its response and the arguments, a status to assign, or a turn of the event loop. */
type Step = ["call", method: string, ...args: unknown[]] | ["status", number] | ["turn"];

const name = fc.constantFrom("X-One", "x-one", "X-Two", "Set-Cookie", "Vary", "Cache-Control");
const header = fc.tuple(name, fc.constantFrom("a", "b", "accept, cookie", "*", "private"));
const headers = fc.array(header, { maxLength: 3 });
/** What Node makes of two cases of one name in an object depends on whether other headers were set before. */
const distinct = fc.uniqueArray(header, { maxLength: 3, selector: ([name]) => name.toLowerCase() });

const call = (method: string, ...args: unknown[]): Step => ["call", method, ...args];

const steps = (status: fc.Arbitrary<number>, piece: fc.Arbitrary<string>): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      header.map((header) => call("setHeader", ...header)),
      header.map((header) => call("appendHeader", ...header)),
      name.map((name) => call("removeHeader", name)),
      status.map((status): Step => ["status", status]),
      status.map((status) => call("writeHead", status)),
      fc.tuple(status, headers).map(([status, headers]) => call("writeHead", status, headers.flat())),
      fc.tuple(status, distinct).map(([status, headers]) => call("writeHead", status, Object.fromEntries(headers))),
      piece.map((piece) => call("write", piece)),
      piece.map((piece) => call("end", piece)),
      fc.constant(call("flushHeaders")),
      fc.constant<Step>(["turn"]),
    ),
    { maxLength: 12 },
  );

/** Takes the steps, and the end. Answers what the handler saw at each, and then the callbacks. */
async function perform(script: readonly Step[], response: ServerResponse, passed: Passed): Promise<string[]> {
  const seen: string[] = [];
  const callbacks: string[] = [];
  const closed = new Promise((resolve) => response.on("close", resolve));
  const target = response as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const [i, step] of [...script, call("end")].entries()) {
    if (!passed(step, response)) continue;
    try {
      const [kind, what, ...args] = step;
      if (kind === "status") response.statusCode = what;
      else if (kind === "turn") await setImmediate();
      else if (what === "write" || what === "end") target[what]!(...args, () => callbacks.push(`${what} ${i}`));
      else target[what]!(...args);
      seen.push(`${i} ${response.headersSent} ${response.writableEnded}`);
    } catch (error) {
      seen.push(`${i} ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  await closed;
  return [...seen, ...callbacks];
}

/** Which steps are comparable. */
type Passed = (step: Step, response: ServerResponse) => boolean;

const notAfterEnd: Passed = ([_, method], { writableEnded }) =>
  !writableEnded || (method !== "write" && method !== "end");

/** A held head may be asked for again. */
const headOnce: Passed = ([, method, , headers], { headersSent }) =>
  method !== "writeHead" || !!headers || !headersSent;

const protocols: [Protocol, fc.Arbitrary<Step[]>, methods: string[], Passed][] = [
  [
    "HTTP/1.1",
    steps(fc.constantFrom(200, 201, 204, 302, 304, 404, 500), fc.constantFrom("", "a", "텍스트", "x".repeat(20_000))),
    ["GET", "HEAD", "POST"],
    (step, response) => notAfterEnd(step, response) && headOnce(step, response),
  ],
  [
    // Bare HTTP/2 ends an answer without a body at its head, forgets what is called after its end, and sends foreign memory for an empty piece.
    "HTTP/2",
    steps(fc.constantFrom(200, 201, 302, 404, 500), fc.constantFrom("a", "텍스트", "x".repeat(20_000))),
    ["GET", "POST"],
    (step, response) => !response.writableEnded && headOnce(step, response),
  ],
];

describe.each(protocols)("by %s any steps of a handler do with a hold what they do without", (protocol, ...ways) => {
  const [scripts, methods, passed] = ways;
  it.each(Object.keys(commits) as Situation[])("with %s", async (situation) => {
    let script: Step[] = [];
    let seen: Promise<string[]>;
    const handler = (response: ServerResponse): Promise<unknown> => {
      seen = perform(script, response, passed);
      return seen;
    };
    const bare = await serve(handler, undefined, protocol);
    const held = await serve(handler, commits[situation], protocol);

    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), scripts, async (method, generated) => {
        script = generated;
        const expected = await wire[protocol](bare.port, { method });
        const expectedSeen = await seen;
        const answer = await wire[protocol](held.port, { method });
        expect(await seen).toEqual(expectedSeen);
        expectEdited(answer, expected, await commits[situation]().commit());
      }),
      { numRuns: 200 },
    );
  });
});
