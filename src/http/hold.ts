import { attempt, isPending } from "../core/after.ts";
import { isPrivate } from "../core/cache-control.ts";
import type { Exchange } from "../core/exchange.ts";
import { sessionTaken } from "../core/misuse.ts";
import type { HeaderEdits } from "../core/reply.ts";
import { addVary } from "../core/vary.ts";
import { breakOff, clearContent, headersSent, isHttp2, type NodeResponse, setHead, writeAfterEnd } from "./response.ts";

/** The methods that make headers leave, and so wait for the commit. */
type HeldMethod = "writeHead" | "write" | "end" | "flushHeaders";
type BodyMethod = Exclude<HeldMethod, "writeHead">;

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<HeldMethod, Method>;
/** `writeHeader` is Node's old name for writeHead. */
type Held = Methods & { [HOLD]: Hold; writeHeader: Method };
/** The methods that throw once the handler has sent its head, although it is still held. HTTP/2 has no setHeaders. */
type HeadMethods = Record<"setHeader" | "appendHeader" | "removeHeader", Method> & { setHeaders?: Method | undefined };

/** What the hold needs of an exchange. Where its `end` saves what came after the commit, it answers a promise, and the response's end waits. */
type Commit = Pick<Exchange<object>, "commit" | "abandon" | "seal"> & {
  end(): unknown;
  /** The exchange that this one takes the response over from, where there is one: it has nothing left to commit. */
  readonly before?: object | undefined;
};

const HOLD = Symbol("holdfast.hold");

/**
 * Holds the response until the session is committed: what the handler writes waits, in its order, and leaves with the session's headers. Where there
 * is nothing to save, nothing waits. If the commit fails, what was held is dropped and `fail` answers the request instead. Throws
 * `session-taken` where another exchange has the response, unless this one takes it over.
 */
export function hold(response: NodeResponse, exchange: Commit, fail: (error: unknown) => void): void {
  const held = response as unknown as Held;
  if (held[HOLD]) {
    held[HOLD].passTo(exchange, fail);
    return;
  }
  held[HOLD] = new Hold(response, exchange, fail);
  // Plain assignments of shared functions, once: closures, and properties that come and go, cost every request microseconds.
  held.writeHead = OVERRIDES.writeHead;
  held.writeHeader = OVERRIDES.writeHead;
  held.write = OVERRIDES.write;
  held.end = OVERRIDES.end;
  held.flushHeaders = OVERRIDES.flushHeaders;
}

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

const REFUSALS: Required<HeadMethods> = {
  setHeader: refusal("set"),
  appendHeader: refusal("append"),
  setHeaders: refusal("set"),
  removeHeader: refusal("remove"),
};

/** What Node throws where a head is changed too late. */
function refusal(verb: string): Method {
  return function (this: unknown): never {
    throw headersSent(this as NodeResponse, verb);
  };
}

/** True while the head is held too: the handler has sent it. */
const HEADERS_SENT = also("headersSent", (hold) => hold.isFrozen);

/** True while the end is held too. Not so `finished`: by it a server that closes knows which connections it may cut. */
const WRITABLE_ENDED = also("writableEnded", (hold) => hold.isEndHeld);

/** A property that is true where Node's is, and where the hold says so. */
function also(name: "headersSent" | "writableEnded", isTrue: (hold: Hold) => boolean): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Held) {
      return isTrue(this[HOLD]) || Reflect.get(Object.getPrototypeOf(this), name, this);
    },
  };
}

/** The same for an error's answer. Middleware that wrapped the ones above has seen the handler's answer end, and sees nothing of this one. */
const AFTER_FAILURE: Record<HeldMethod | "writeHeader", Method> = {
  writeHead(...args) {
    return (this as Held)[HOLD].answer("writeHead", args);
  },
  writeHeader(...args) {
    return (this as Held)[HOLD].answer("writeHead", args);
  },
  write(...args) {
    return (this as Held)[HOLD].answer("write", args);
  },
  end(...args) {
    return (this as Held)[HOLD].answer("end", args);
  },
  flushHeaders(...args) {
    return (this as Held)[HOLD].answer("flushHeaders", args);
  },
};

class Hold {
  readonly #response: NodeResponse;
  #exchange: Commit;
  #fail: (error: unknown) => void;
  readonly #original: Methods;
  /** `open` until the handler writes, `committing` while it is held, then `released`, or `failed` and dropped. `ending`: the end alone is held. */
  #phase: "open" | "committing" | "released" | "ending" | "failed" = "open";
  /** Whether the handler gave the head itself, by writeHead. */
  #headGiven = false;
  #ended = false;
  /** Whether the session can have been changed between the commit and the end. */
  #endedLater = false;
  #cookieSet = false;
  #waiting: { method: BodyMethod; args: unknown[] }[] = [];
  /** While the head is held: status and reason as the handler sent them, and the methods that would change it. */
  #frozen: { readonly status: number; readonly reason: string; readonly methods: HeadMethods } | undefined;
  #error: unknown;

  constructor(response: NodeResponse, exchange: Commit, fail: (error: unknown) => void) {
    this.#response = response;
    this.#exchange = exchange;
    this.#fail = fail;
    const { writeHead, write, end, flushHeaders } = response as unknown as Methods;
    this.#original = { writeHead, write, end, flushHeaders };
  }

  passTo(exchange: Commit, fail: (error: unknown) => void): void {
    if (exchange.before !== this.#exchange) throw sessionTaken();
    this.#exchange = exchange;
    this.#fail = fail;
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  get isEndHeld(): boolean {
    return (this.#phase === "committing" && this.#ended) || this.#phase === "ending";
  }

  /** Node sends no head before the first piece of the body, so the session may still change after it: the head is kept. */
  writeHead(args: unknown[]): unknown {
    const response = this.#response;
    if (this.#phase === "released" || this.#phase === "ending") return this.#call("writeHead", args);
    if (this.#phase === "failed") return response;
    if (this.#frozen) {
      // Middleware that asks Node for the implicit head (an older compression) asks again while it is held.
      if (args.length === 1 && args[0] === response.statusCode) return response;
      throw headersSent(response, "write");
    }
    // Headers given to writeHead would replace those that are set before, the session's too: they are set now.
    setHead(response, args);
    this.#headGiven = true;
    this.#freeze();
    return response;
  }

  pass(method: BodyMethod, args: unknown[]): unknown {
    const ends = method === "end" && !this.#ended;
    if (ends) this.#ended = true;
    else if (method === "end" && this.#response.writableEnded && args[0] && typeof args[0] !== "function") {
      // Who looked at `finished` could not know; Node would crash the process over it.
      return this.#drop(method, args, writeAfterEnd());
    }
    if (this.#phase === "open") this.#begin();
    else if (ends) this.#endedLater = true;

    switch (this.#phase) {
      case "committing":
        if (ends) {
          this.#exchange.seal();
          Object.defineProperty(this.#response, "writableEnded", WRITABLE_ENDED);
        }
        this.#waiting.push({ method, args });
        return this.#kept(method);
      case "ending":
        return method === "flushHeaders" ? undefined : this.#drop(method, args, writeAfterEnd());
      case "failed":
        return this.#drop(method, args);
      default:
        return ends ? this.#end(args) : this.#call(method, args);
    }
  }

  /** After a failure: the error handler's calls, and those of a handler that doesn't know yet. */
  answer(method: HeldMethod, args: unknown[]): unknown {
    // Node would crash the process over a write after the end.
    if (this.#response.writableEnded && (method === "write" || method === "end")) return this.#drop(method, args);
    return this.#call(method, args);
  }

  #begin(): void {
    const edits = attempt(() => this.#exchange.commit());
    if (!isPending(edits)) {
      this.#release(edits);
      return;
    }
    this.#phase = "committing";
    this.#freeze();
    edits.then(
      (settled) => this.#replay(settled),
      (error) => this.#failed(error),
    );
  }

  #call(method: HeldMethod, args: unknown[]): unknown {
    return this.#original[method].apply(this.#response, args);
  }

  /** What Node would answer to a call that waits, or is dropped. */
  #kept(method: HeldMethod): unknown {
    if (method === "end") return this.#response;
    return method === "write" ? false : undefined;
  }

  #drop(method: HeldMethod, args: unknown[], error: unknown = this.#error): unknown {
    const callback = args.at(-1);
    if (typeof callback === "function") process.nextTick(callback, error);
    return this.#kept(method);
  }

  #release(edits: HeaderEdits): void {
    this.#phase = "released";
    this.#thaw();
    this.#edit(edits);
    if (!this.#headGiven) return;
    try {
      this.#call("writeHead", [this.#response.statusCode]);
    } catch (error) {
      // The handler's call of writeHead has long returned.
      this.#failed(error);
    }
  }

  #replay(edits: HeaderEdits): void {
    const ending = this.#endedLater ? attempt(() => this.#exchange.end()) : undefined;
    if (isPending(ending)) {
      // Of a store that answers later; nothing has left yet, so its failure is still an answer.
      ending.then(
        () => this.#leave(edits),
        (error) => this.#failed(error),
      );
      return;
    }
    this.#leave(edits);
  }

  #leave(edits: HeaderEdits): void {
    this.#thaw();
    try {
      this.#release(edits);
      let flowing = this.#phase === "released" && !this.#ended;
      for (const { method, args } of this.#waiting.splice(0)) flowing = this.#call(method, args) !== false && flowing;
      // Who wrote was told to wait for "drain"; where Node's own buffer is full, Node says so itself.
      if (flowing) this.#response.emit("drain");
    } catch (error) {
      // What Node would have refused at once (a bad status, a bad chunk) comes out here.
      if (this.#response.headersSent) this.#abort(error);
      else this.#failed(error);
    }
  }

  /** The end of an answer whose head has left. */
  #end(args: unknown[]): unknown {
    if (!this.#endedLater) {
      this.#exchange.seal();
      return this.#call("end", args);
    }
    const settled = attempt(() => this.#exchange.end());
    if (!isPending(settled)) return this.#call("end", args);
    this.#phase = "ending";
    Object.defineProperty(this.#response, "writableEnded", WRITABLE_ENDED);
    settled
      .then(() => {
        this.#phase = "released";
        this.#call("end", args);
      })
      .catch((error) => {
        this.#drop("end", args, error);
        this.#abort(error);
      });
    return this.#response;
  }

  #failed(error: unknown): void {
    const response = this.#response;
    this.#phase = "failed";
    this.#error = error;
    for (const { method, args } of this.#waiting.splice(0)) this.#drop(method, args);
    this.#thaw();
    clearContent(response);
    response.statusCode = 500;
    this.#edit(this.#exchange.abandon());
    Object.assign(response, AFTER_FAILURE);
    this.#fail(error);
  }

  #abort(error: unknown): void {
    this.#error = error;
    this.#exchange.abandon();
    breakOff(this.#response);
    this.#fail(error);
  }

  #edit({ setCookie, setHeader, beside, cacheable, vary }: HeaderEdits): void {
    const response = this.#response;
    if (!this.#cookieSet) {
      // As a list, which other middleware expects to find there.
      if (setCookie) response.appendHeader("Set-Cookie", [setCookie]);
      if (beside) for (const [name, value] of beside) response.appendHeader(name, value);
    }
    if (setHeader) response.setHeader(...setHeader);
    if (setCookie || setHeader) {
      this.#cookieSet = true;
      if (!cacheable && !isPrivate(String(response.getHeader("Cache-Control") ?? ""))) {
        response.setHeader("Cache-Control", "no-store");
      }
    }
    if (vary) {
      const before = response.getHeader("Vary");
      response.setHeader("Vary", before ? addVary(String(before), vary) : vary);
    }
  }

  /** While held, the response looks to the handler as it would in Node: its head is sent, and can't be changed any more. */
  #freeze(): void {
    if (this.#frozen) return;
    const response = this.#response;
    const { setHeader, appendHeader, setHeaders, removeHeader } = response as unknown as HeadMethods;
    const methods = { setHeader, appendHeader, setHeaders, removeHeader };
    // HTTP/2 has no reason phrase, and warns where one is asked for.
    this.#frozen = { status: response.statusCode, reason: isHttp2(response) ? "" : response.statusMessage, methods };
    setHeadMethods(response, REFUSALS);
    Object.defineProperty(response, "headersSent", HEADERS_SENT);
  }

  #thaw(): void {
    if (!this.#frozen) return;
    const response = this.#response;
    const { status, reason, methods } = this.#frozen;
    this.#frozen = undefined;
    setHeadMethods(response, methods);
    response.statusCode = status;
    if (!isHttp2(response)) response.statusMessage = reason;
  }
}

function setHeadMethods(response: NodeResponse, methods: HeadMethods): void {
  const target = response as unknown as HeadMethods;
  target.setHeader = methods.setHeader;
  target.appendHeader = methods.appendHeader;
  target.removeHeader = methods.removeHeader;
  if (target.setHeaders) target.setHeaders = methods.setHeaders;
}
