import { setTimeout } from "node:timers/promises";
import type { Tally } from "./tally.ts";

export interface Answer {
  readonly status: number;
  readonly body: { readonly user?: string | null; readonly data?: Readonly<Record<string, unknown>> };
}

/** A browser of one user: a jar for the one cookie, and what the app owes it. */
export interface Browser {
  readonly user: string;
  /** Begins all that it writes. No two browsers have the same. */
  readonly name: string;
  /** The Cookie header that it sends. */
  cookie: string;
  /** The items and notes of its session that were acknowledged; undefined while it is signed out. */
  owed: Set<string> | undefined;
  send(method: string, path: string, body?: object): Promise<Answer>;
}

export function newBrowser(url: string, user: string, name: string, tally: Tally): Browser {
  const browser: Browser = {
    user,
    name,
    cookie: "",
    owed: undefined,
    async send(method, path, body) {
      const { cookie } = browser;
      const answer = await request(url + path, { method, cookie, body }, tally);
      for (const line of answer.setCookies) browser.cookie = /Max-Age=0/i.test(line) ? "" : line.split(";")[0]!;
      return answer;
    },
  };
  return browser;
}

/** The same until it is answered with 200, as a person would press the button again. */
export async function insist(send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await send();
    if (answer.status === 200) return answer;
    await setTimeout(100);
  }
  throw new Error("No success in 200 attempts.");
}

interface Request {
  readonly method: string;
  readonly cookie: string;
  readonly body?: object;
}

export async function request(
  url: string,
  { method, cookie, body }: Request,
  { answers }: Tally,
): Promise<Answer & { setCookies: string[] }> {
  const headers = { cookie, "content-type": "application/json" };
  const signal = AbortSignal.timeout(20_000);
  try {
    const response = await fetch(url, { method, headers, signal, body: body && JSON.stringify(body) });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    const answer = isJson ? JSON.parse(text) : { error: "by nginx or Express" };
    count(answers, `${response.status} ${answer.error ?? ""}`);
    return { status: response.status, body: answer, setCookies: response.headers.getSetCookie() };
  } catch (error) {
    count(answers, `no answer: ${(error as Error).message}`);
    return { status: 0, body: {}, setCookies: [] };
  }
}

function count(answers: Tally["answers"], kind: string): void {
  answers.set(kind, (answers.get(kind) ?? 0) + 1);
}
