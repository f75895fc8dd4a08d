import { request as http, type IncomingMessage } from "node:http";
import { request as https } from "node:https";

/** Begins a request: its head is on the way, its body is to be written. */
export type Speak = (url: string, request: RequestToSend) => Call;

export interface RequestToSend {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request on a connection of its own. */
export interface Call {
  write(piece: string): void;
  end(): void;
  /** Breaks the connection. */
  abort(): void;
  /** Whether anything has come back yet. */
  readonly answered: boolean;
  /** Rejects where the connection breaks before it. */
  readonly head: Promise<Head>;
  /** Throws where the connection breaks before the end. To be read after the head. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Head {
  readonly status: number;
  /** Names in lower case; a header that came twice is there twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** HTTP/1.1, also over TLS: there any certificate will do. */
export const speakHttp1: Speak = (url, { method, path, headers }) => {
  const options = { method, headers, agent: false };
  const target = new URL(path, url);
  const request =
    target.protocol === "https:" ? https(target, { ...options, rejectUnauthorized: false }) : http(target, options);
  let answered = false;
  request.on("socket", (socket) => socket.on("data", () => (answered = true)));
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
  response.catch(() => {});
  request.flushHeaders();
  return {
    write: (piece) => void request.write(piece),
    end: () => void request.end(),
    abort: () => void request.destroy(),
    get answered() {
      return answered;
    },
    head: response.then(({ statusCode, rawHeaders }) => ({ status: statusCode!, headers: pairs(rawHeaders) })),
    body: {
      async *[Symbol.asyncIterator]() {
        yield* await response;
      },
    },
  };
};

/** Names and values in turn, as pairs. */
export function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]!]] : []));
}

export interface Answer extends Head {
  /** The value of a header that comes once. */
  get(name: string): string | undefined;
  readonly cookies: readonly string[];
  readonly text: string;
}

/** A browser, as far as cookies go. */
export class Visitor {
  /** The Cookie header that the next request sends. Cases may write their own. */
  cookie = "";
  readonly #url: string;
  readonly #speak: Speak;

  constructor(url: string, speak: Speak) {
    this.#url = url;
    this.#speak = speak;
  }

  get(path: string, headers?: RequestToSend["headers"]): Promise<Answer> {
    return this.ask("GET", path, headers);
  }

  post(path: string, headers?: RequestToSend["headers"]): Promise<Answer> {
    return this.ask("POST", path, headers);
  }

  /** A request without a body, and its whole answer. */
  ask(method: string, path: string, headers?: RequestToSend["headers"]): Promise<Answer> {
    const bodyless = method === "GET" || method === "HEAD";
    const call = this.begin(method, path, bodyless ? headers : { "content-length": "0", ...headers });
    call.end();
    return this.finish(call);
  }

  begin(method: string, path: string, headers?: RequestToSend["headers"]): Call {
    const cookie = this.cookie && { cookie: this.cookie };
    return this.#speak(this.#url, { method, path, headers: { ...cookie, ...headers } });
  }

  /** Waits for the whole answer, and takes its cookies over. */
  async finish(call: Call): Promise<Answer> {
    const { status, headers } = await call.head;
    const all = (name: string): string[] => headers.flatMap((header) => (header[0] === name ? [header[1]] : []));
    const cookies = all("set-cookie");
    this.#keep(cookies);
    const text = await read(call.body);
    return { status, headers, get: (name) => all(name)[0], cookies, text };
  }

  #keep(cookies: readonly string[]): void {
    const jar = new Map(this.cookie ? this.cookie.split("; ").map((each) => cut(each, "=")) : []);
    for (const cookie of cookies) {
      const [name, value] = cut(cookie.split(";", 1)[0]!, "=");
      if (/; *max-age=0/i.test(cookie)) jar.delete(name);
      else jar.set(name, value);
    }
    this.cookie = [...jar].map((pair) => pair.join("=")).join("; ");
  }
}

export async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}

function cut(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return [text.slice(0, i), text.slice(i + at.length)];
}
