import { random } from "#crypto";
import { HoldfastError } from "../errors.ts";
import { INSPECT } from "./data.ts";
import { type Duration, parseDuration } from "./duration.ts";
import type { Exchange } from "./exchange.ts";
import { noDuration, sessionTaken } from "./misuse.ts";

/**
 * The app's session data, declared once for handlers whose framework can't carry the type (Express):
 *
 * ```ts
 * declare module "holdfast" {
 *   interface SessionData { cart: string[] }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: apps augment it
export interface SessionData {}

/**
 * What a handler holds of its visitor's session. Changes to `data` are saved before the response's headers leave; the
 * methods save at once. Each promise rejects with a `HoldfastError`: `session-gone` when the session ended, or got a new
 * id, while this request was under way; `store-…` when the store fails. Then nothing of that call was saved.
 */
export class Session<Data extends object = SessionData> {
  readonly #exchange: Exchange<Data>;

  /** @internal */
  static isOf(session: unknown, sessions: { readonly on: unknown }): boolean {
    // Not by `instanceof`, which a proxy of one passes too.
    const held: object = Object(session);
    return #exchange in held && held.#exchange.isOf(sessions);
  }

  /** @internal */
  constructor(exchange: Exchange<Data>) {
    this.#exchange = exchange;
  }

  /** The entries: plain JSON values, parsed when first touched. Any may be missing, as all are in a new session. */
  get data(): Partial<Data> {
    return this.#exchange.data;
  }

  /** Whether this request came without a live session. */
  get isNew(): boolean {
    return this.#exchange.isNew;
  }

  /** Whether the store couldn't be read, and `onStoreError` lets the request go on: `data` is empty, and saving rejects with the store's error. */
  get isReadOnly(): boolean {
    return this.#exchange.isReadOnly;
  }

  /** The session's public name for its whole life: fit for pages, URLs and logs. Not a secret. */
  get handle(): string {
    return this.#exchange.handle;
  }

  /** Who is logged in, or undefined. */
  get userId(): string | undefined {
    return this.#exchange.userId;
  }

  /** Whether the session opens on its browser's device alone: a key is registered, and was shown. See the option `deviceBound`. */
  get isDeviceBound(): boolean {
    return this.#exchange.isDeviceBound;
  }

  /** Epoch ms. */
  get createdAt(): number {
    return this.#exchange.times.createdAt;
  }

  /** When the session ends unless it is used again, epoch ms. */
  get expiresAt(): number {
    return this.#exchange.times.expiresAt;
  }

  /** Time of the last login, epoch ms, or undefined. */
  get authenticatedAt(): number | undefined {
    return this.#exchange.times.authenticatedAt;
  }

  /**
   * Logs the user in: a new secret, under which the data lives on; the id from before is dead at once, in every process (against fixation).
   * Both timeouts start anew. A session of another user is ended first, and its data with it.
   *
   * ```ts
   * await req.session.login(user.id, { remember: form.remember === "on" });
   * ```
   *
   * @param options.remember keep the cookie when the browser closes. Default: false.
   */
  login(userId: string | number, options: { remember?: boolean } = {}): Promise<void> {
    const id = String(userId ?? "");
    if (id === "" || !id.isWellFormed() || (typeof userId !== "string" && !Number.isSafeInteger(userId))) {
      const message = "login() takes the user's id: a well-formed string that isn't empty, or an integer";
      return Promise.reject(argument("userId", message));
    }
    return Promise.resolve(this.#exchange.login(id, options.remember === true));
  }

  /**
   * The user has proved again who it is: a new secret, and both timeouts begin anew (NIST SP 800-63B 5.2). Rejects with `login-required` where nobody is
   * logged in.
   *
   * ```ts
   * app.post("/password", async (req, res) => {   // behind a check of the password
   *   await req.session.reauthenticate();
   *   res.redirect("/");
   * });
   * ```
   */
  reauthenticate(): Promise<void> {
    return Promise.resolve(this.#exchange.reauthenticate());
  }

  /**
   * Throws `login-required` (status 401) unless the user has logged in within `maxAge`: before a change of password, a payment (OWASP ASVS 7.5.3).
   * `maxAge` is a duration: `"5m"`, or milliseconds.
   *
   * ```ts
   * app.post("/email", (req, res) => {
   *   req.session.requireFresh("5m");
   *   res.redirect("/");
   * });
   * ```
   */
  requireFresh(maxAge: Duration): void {
    const age = parseDuration(maxAge);
    if (age === undefined) throw noDuration();
    this.#exchange.requireFresh(age);
  }

  /**
   * For requests that name no origin, with the option `csrf`: what their `X-CSRF-Token` has to be. It changes with the session's id. Undefined while the session isn't
   * stored: nothing can be done in its name.
   */
  csrfToken(): Promise<string | undefined> {
    return Promise.resolve(this.#exchange.csrfToken());
  }

  /** A new secret for the same session: the id from before is dead at once. Call it when the client's rights change otherwise than by login. */
  regenerate(): Promise<void> {
    return Promise.resolve(this.#exchange.regenerate());
  }

  /** Ends the session. Its id is dead in every process from here on, also for requests now under way; the cookie is cleared. */
  destroy(): Promise<void> {
    return Promise.resolve(this.#exchange.destroy());
  }

  /**
   * Changes one entry atomically: `fn` gets the value as it is in the store now, and is called again whenever another request
   * was quicker, so it should have no effects of its own. Answers what was stored; undefined removes the entry.
   *
   * ```ts
   * const views = await req.session.update("views", (n = 0) => n + 1);
   * ```
   */
  update<Name extends keyof Data & string, Value extends Data[Name] | undefined>(
    entry: Name,
    fn: (current: Data[Name] | undefined) => Value | Promise<Value>,
  ): Promise<Value> {
    return this.#exchange.update(entry, fn as (current: unknown) => Value | Promise<Value>);
  }

  /** Saves what was changed, now: for responses that stream on after their headers. */
  save(): Promise<void> {
    return Promise.resolve(this.#exchange.save());
  }

  /** Reads the session anew from the store; changes that weren't saved are dropped. */
  reload(): Promise<void> {
    return Promise.resolve(this.#exchange.reload());
  }

  /** Leaves a message for the next page. Each is an entry of its own, so overlapping requests lose none. */
  flash(name: string, message: string): void;
  /** Takes the messages of this name, oldest first: each is shown once. */
  flash(name: string): string[];
  flash(name: string, message?: string): string[] | undefined {
    const { entries } = this.#exchange;
    const prefix = `${FLASH}${name}:`;
    if (message !== undefined) {
      if (typeof message !== "string") throw argument("message", "flash() takes a text");
      entries.write(`${prefix}${Date.now().toString(36).padStart(9, "0")}${order()}${random(6)}`, message);
      return undefined;
    }
    const names = entries
      .names()
      .filter((each) => each.startsWith(prefix) && !each.includes(":", prefix.length))
      .sort();
    return names.map((each) => {
      const text = entries.get(each) as string;
      entries.write(each, undefined);
      return text;
    });
  }

  /** What may be shown and logged: never the id. */
  toJSON(): object {
    const { handle, userId, isNew, createdAt, expiresAt, authenticatedAt } = this;
    return { handle, userId, isNew, createdAt, expiresAt, authenticatedAt, data: { ...this.data } };
  }

  [INSPECT](): object {
    return this.toJSON();
  }
}

// `session.cart = …` where `session.data.cart` was meant would be lost in silence. Asked for by the prototype's prototype, it costs no session anything.
Object.setPrototypeOf(
  Session.prototype,
  new Proxy(
    {},
    {
      set(_target, name) {
        const entry = String(name);
        const message = `The session has no property ${entry} that can be set: its entries are in session.data. Write session.data.${entry}.`;
        throw new HoldfastError("entry-misplaced", message, { entry });
      },
    },
  ),
);

/**
 * Whether the request has its session already: the adapter is mounted twice, on an app and on a router. Throws `session-taken` where
 * another library's session is there, or one of other sessions: the shop's, where the handlers behind mean the admins'.
 */
export function hasSession({ session }: { session?: unknown }, sessions: { readonly on: unknown }): boolean {
  if (!session || Session.isOf(session, sessions)) return Boolean(session);
  throw sessionTaken();
}

const FLASH = "~flash:";

let count = 0;

/** Keeps messages of one millisecond in their order. */
function order(): string {
  count = (count + 1) % 36 ** 4;
  return count.toString(36).padStart(4, "0");
}

function argument(name: string, message: string): HoldfastError<"argument-invalid"> {
  return new HoldfastError("argument-invalid", `${message}.`, { argument: name });
}
