import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Exchange, HeaderEdits } from "../core/exchange.ts";

/** A response of node:http, https, or the compatibility API of http2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** The methods that make headers leave, and so wait for the commit. */
const HELD = ["writeHead", "write", "end", "flushHeaders"] as const;
type HeldMethod = (typeof HELD)[number];

/** The methods that throw once the handler has sent its head, although it is still held. */
const FROZEN = ["setHeader", "appendHeader", "setHeaders", "removeHeader"] as const;

/** What a response says of its body: not true of the error that is sent in its place. */
const CONTENT_HEADERS = [
  "Content-Length",
  "Content-Type",
  "Content-Encoding",
  "Content-Disposition",
  "Content-Language",
  "Content-Range",
  "Transfer-Encoding",
  "ETag",
  "Last-Modified",
  "Cache-Control",
  "Location",
];

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<HeldMethod, Method>;
type Held = Methods & { [HOLD]: Hold };

/** What the hold needs of an exchange. */
type Commit = Pick<Exchange<object>, "commit" | "abandon" | "seal" | "end">;

const HOLD = Symbol("holdfast.hold");

/**
 * Holds the response until the session is committed: what the handler writes waits, in its order, and leaves with the session's headers. Where there
 * is nothing to save, nothing waits. If the commit fails, what was held is dropped and `fail` answers the request instead.
 */
export function hold(response: NodeResponse, exchange: Commit, fail: (error: unknown) => void): void {
  const held = response as unknown as Held;
  held[HOLD] = new Hold(response, exchange, fail);
  for (const name of HELD) held[name] = OVERRIDES[name];
}

/** One set of functions for all responses: a closure for each would cost every request. */
const OVERRIDES: Methods = {
  writeHead(...args) {
    return (this as Held)[HOLD].writeHead(args);
  },
  write(...args) {
    return (this as Held)[HOLD].pass("write", args);
  },
  end(...args) {
    return (this as Held)[HOLD].pass("end", args);
  },
  flushHeaders(...args) {
    return (this as Held)[HOLD].pass("flushHeaders", args);
  },
};

class Hold {
  readonly #response: NodeResponse;
  readonly #exchange: Commit;
  readonly #fail: (error: unknown) => void;
  readonly #original: Methods;
  /** `open` until the handler writes, `committing` while it is held, then `released`. */
  #phase: "open" | "committing" | "released" = "open";
  /** The arguments of an explicit writeHead. */
  #head: unknown[] | undefined;
  #waiting: { method: HeldMethod; args: unknown[] }[] = [];
  #thaw: (() => void) | undefined;

  constructor(response: NodeResponse, exchange: Commit, fail: (error: unknown) => void) {
    this.#response = response;
    this.#exchange = exchange;
    this.#fail = fail;
    const { writeHead, write, end, flushHeaders } = response as unknown as Methods;
    this.#original = { writeHead, write, end, flushHeaders };
  }

  /** Node sends no head before the first piece of the body, so the session may still change after it: the head is kept. */
  writeHead(args: unknown[]): unknown {
    if (this.#phase === "released") return this.#call("writeHead", args);
    if (this.#thaw) {
      // Middleware that asks Node for the implicit head (compression) asks again while it is held.
      if (args.length === 1) return this.#response;
      throw headersSent("write");
    }
    this.#head = args;
    this.#response.statusCode = Number(args[0]);
    this.#freeze();
    return this.#response;
  }

  pass(method: HeldMethod, args: unknown[]): unknown {
    if (this.#phase === "open") {
      const edits = this.#commit();
      if (method === "end") this.#exchange.seal();
      if (edits instanceof Promise) {
        this.#phase = "committing";
        this.#freeze();
        edits.then(
          (settled) => this.#replay(settled),
          (error) => this.#failed(error),
        );
      } else {
        this.#release(edits);
      }
    }
    if (this.#phase === "committing") {
      if (method === "end") this.#exchange.seal();
      this.#waiting.push({ method, args });
      return method === "write" ? false : this.#response;
    }
    if (method === "end") {
      try {
        this.#exchange.end();
      } catch (error) {
        this.#abort(error);
        return this.#response;
      }
    }
    return this.#call(method, args);
  }

  #commit(): HeaderEdits | Promise<HeaderEdits> {
    try {
      return this.#exchange.commit();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #call(method: HeldMethod, args: unknown[]): unknown {
    return this.#original[method].apply(this.#response, args);
  }

  #release(edits: HeaderEdits): void {
    this.#phase = "released";
    this.#thaw?.();
    if (this.#head && (edits.setCookie || edits.vary)) {
      // Headers given to writeHead would replace those that were set before, the session's too: set them first.
      const { status, reason, headers } = parseHead(this.#head);
      setHeaders(this.#response, headers);
      this.#head = reason === undefined ? [status] : [status, reason];
    }
    edit(this.#response, edits);
    if (this.#head) this.#call("writeHead", this.#head);
  }

  #replay(edits: HeaderEdits): void {
    try {
      this.#release(edits);
      let flowing: unknown;
      for (const { method, args } of this.#waiting) flowing = this.#call(method, args);
      // Who wrote was told to wait for "drain"; where Node's own buffer is full, Node says so itself.
      if (this.#waiting.at(-1)?.method === "write" && flowing !== false) this.#response.emit("drain");
    } catch (error) {
      // What Node would have refused at once (a bad status, a bad chunk) comes out here.
      if (this.#response.headersSent) this.#abort(error);
      else this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#phase = "released";
    this.#head = undefined;
    this.#waiting = [];
    this.#thaw?.();
    for (const name of CONTENT_HEADERS) this.#response.removeHeader(name);
    this.#response.statusCode = 500;
    edit(this.#response, this.#exchange.abandon());
    this.#fail(error);
  }

  /** The headers have left: all that can still tell the client is a broken connection. */
  #abort(error: unknown): void {
    this.#exchange.abandon();
    if ("stream" in this.#response) this.#response.stream.close(INTERNAL_ERROR);
    else this.#response.destroy();
    this.#fail(error);
  }

  /** While held, the response looks to the handler as it would in Node: sent, and ended once `end` was called. */
  #freeze(): void {
    if (this.#thaw) return;
    const response = this.#response;
    const { statusCode } = response;
    // HTTP/2 has no reason phrase, and warns where one is asked for.
    const statusMessage = "stream" in response ? undefined : response.statusMessage;
    const ended = { get: () => this.#waiting.some(({ method }) => method === "end"), configurable: true };
    const refused = { value: refuse, configurable: true, writable: true };
    const thaws = [
      override(response, "headersSent", { value: true, configurable: true }),
      override(response, "writableEnded", ended),
      override(response, "finished", ended),
      ...FROZEN.map((name) => override(response, name, refused)),
    ];
    this.#thaw = () => {
      this.#thaw = undefined;
      for (const thaw of thaws) thaw();
      response.statusCode = statusCode;
      if (statusMessage !== undefined) response.statusMessage = statusMessage;
    };
  }
}

/** Gives the object a property for a while. Answers what takes it back. */
function override(target: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, property);
  return () => {
    if (before) Object.defineProperty(target, name, before);
    else Reflect.deleteProperty(target, name);
  };
}

/** HTTP/2's error code for "the server is at fault". */
const INTERNAL_ERROR = 2;

function refuse(): never {
  throw headersSent("set");
}

function headersSent(what: "set" | "write"): Error {
  const error = new Error(`Cannot ${what} headers after they are sent to the client`);
  return Object.assign(error, { code: "ERR_HTTP_HEADERS_SENT" });
}

/** Node's overloads: a status, perhaps a reason, perhaps headers: an object, a flat list of names and values, or a list of pairs. */
function parseHead([status, second, third]: unknown[]): { status: unknown; reason?: string; headers: unknown } {
  return typeof second === "string" ? { status, reason: second, headers: third } : { status, headers: second ?? third };
}

type HeaderValue = string | string[];

/** A header that is named here replaces one that was set before; named twice, it is sent twice. */
function setHeaders(response: NodeResponse, headers: unknown): void {
  if (!headers) return;
  const pairs = Array.isArray(headers) ? toPairs(headers) : Object.entries(headers as Record<string, HeaderValue>);
  for (const [name] of pairs) response.removeHeader(name);
  for (const [name, value] of pairs) {
    if (value !== undefined) response.appendHeader(name, Array.isArray(value) ? value : String(value));
  }
}

function toPairs(list: unknown[]): [string, HeaderValue][] {
  if (Array.isArray(list[0])) return list as [string, HeaderValue][];
  const pairs: [string, HeaderValue][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([String(list[i]), list[i + 1] as HeaderValue]);
  return pairs;
}

function edit(response: NodeResponse, { setCookie, vary }: HeaderEdits): void {
  if (setCookie) {
    response.appendHeader("Set-Cookie", setCookie);
    if (!response.hasHeader("Cache-Control")) response.setHeader("Cache-Control", "no-store");
  }
  if (vary) {
    const before = String(response.getHeader("Vary") ?? "");
    if (!/(^|,)\s*(\*|cookie)\s*(,|$)/i.test(before))
      response.setHeader("Vary", before ? `${before}, Cookie` : "Cookie");
  }
}
