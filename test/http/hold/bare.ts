import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createServer2 } from "node:http2";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import type { HeaderEdits } from "../../../src/core/reply.ts";
import { hold } from "../../../src/http/hold.ts";
import { listening } from "../listen.ts";
import { type Answer, ask, ask2, type Question } from "../wire.ts";

/** What `hold` asks of a session, under the test's control. */
export type Commit = Parameters<typeof hold>[1];

export const COOKIE = "sid=id; Path=/; HttpOnly";

/** A session with nothing to save (`commit` answers at once), one that was read, and one whose save takes until the handler has returned. */
export const commits = {
  "nothing to save": () => exchange(() => ({})),
  "a session that was read": () => exchange(() => ({ vary: "Cookie" })),
  "a save under way": () => exchange(() => setImmediate({ vary: "Cookie", setCookie: COOKIE })),
} as const;

export type Situation = keyof typeof commits;

export function exchange(commit: Commit["commit"], others: Partial<Commit> = {}): Commit {
  let left: HeaderEdits = {};
  const leave = (edits: HeaderEdits): HeaderEdits => {
    left = edits;
    return edits;
  };
  return {
    commit() {
      const edits = commit();
      return edits instanceof Promise ? edits.then(leave) : leave(edits);
    },
    abandon: () => left,
    seal() {},
    end() {},
    ...others,
  };
}

/** `note` writes down what the handler saw, to be compared too. */
export type Handler = (response: ServerResponse, note: (what: string) => void, request: IncomingMessage) => unknown;

export interface Served {
  readonly port: number;
  readonly notes: string[];
  /** What the error handler got, by code or message. */
  readonly errors: string[];
  /** Resolves when the first response is over for the server. */
  readonly closed: Promise<void>;
}

/** Answers by `handler`; what it throws, and what the hold passes to `fail`, becomes a 500 that names it. */
export async function serve(
  handler: Handler,
  commit?: () => Commit,
  protocol: Protocol = "HTTP/1.1",
  answer: (response: ServerResponse, error: string) => unknown = answerError,
): Promise<Served> {
  const notes: string[] = [];
  const errors: string[] = [];
  let over = (): void => {};
  const closed = new Promise<void>((resolve) => {
    over = resolve;
  });
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const fail = (error: unknown): void => {
      const { code, message } = error as NodeJS.ErrnoException;
      errors.push(code ?? message);
      answer(response, code ?? message);
    };
    response.on("close", over);
    if (commit) hold(response, commit(), fail);
    try {
      await handler(response, (what) => notes.push(what), request);
    } catch (error) {
      fail(error);
    }
  };
  const server =
    protocol === "HTTP/2"
      ? createServer2(listener as unknown as Parameters<typeof createServer2>[1])
      : createServer(listener);
  return { port: await listening(server), notes, errors, closed };
}

function answerError(response: ServerResponse, error: string): void {
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  response.statusCode = 500;
  if (!("stream" in response)) response.statusMessage = "";
  response.end(`failed: ${error}`);
}

export type Protocol = "HTTP/1.1" | "HTTP/2";

export const wire = { "HTTP/1.1": ask, "HTTP/2": ask2 };

/** The handler must answer with a hold what it answers without one, but for the session's own headers. */
export async function expectSame(
  handler: Handler,
  situation: Situation,
  { protocol = "HTTP/1.1", ...question }: Question & { protocol?: Protocol } = {},
): Promise<Answer> {
  const ask = async ({ port, closed, notes, errors }: Served) => {
    const answer = await wire[protocol](port, question);
    await closed;
    return { answer, notes, errors };
  };
  const { answer: bare, ...seenBare } = await ask(await serve(handler, undefined, protocol));
  const { answer: held, ...seenHeld } = await ask(await serve(handler, commits[situation], protocol));
  const edits = await commits[situation]().commit();
  expect(seenHeld).toEqual(seenBare);
  expectEdited(held, bare, edits);
  return held;
}

export function expectEdited(held: Answer, bare: Answer, edits: HeaderEdits): void {
  expect(plain(held)).toEqual(plain(withEdits(bare, edits)));
}

/** The answer as it would be with the session's headers. */
function withEdits(answer: Answer, { setCookie, vary }: HeaderEdits): Answer {
  if (answer.status === 0) return answer;
  const headers = [...answer.headers];
  const add = (line: string): void => void headers.push(line);
  if (setCookie) {
    add(`Set-Cookie: ${setCookie}`);
    const isOwn = (line: string): boolean => /^cache-control:/i.test(line);
    if (!headers.some((line) => isOwn(line) && /\bprivate\b/.test(line))) {
      headers.splice(0, headers.length, ...headers.filter((line) => !isOwn(line)));
      add("Cache-Control: no-store");
    }
  }
  const varies = headers.filter((line) => /^vary:/i.test(line)).join();
  if (vary && !/cookie|\*/i.test(varies)) add("Vary: Cookie");
  return { ...answer, headers };
}

/** For comparing: no clock, no case in names, no order among different headers, and Vary as one list. */
function plain({ headers, body, ...rest }: Answer): object {
  const byName: Record<string, string[]> = {};
  for (const line of headers) {
    const [, name, value] = /^([^:]+): (.*)$/.exec(line)!;
    const key = name!.toLowerCase();
    byName[key] = [...(byName[key] ?? []), value!];
  }
  const { date: _, vary, ...named } = byName;
  const list = vary?.flatMap((value) => value.split(/\s*,\s*/)).sort();
  return { ...rest, headers: { ...named, vary: list }, body: body.toString("latin1") };
}
