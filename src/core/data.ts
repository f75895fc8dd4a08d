import { HoldfastError } from "../errors.ts";
import type { Change, SessionRecord } from "../store.ts";
import { encode, type Serializer } from "./codec.ts";

/** What touched entries became: the `set` and `remove` of a change. */
export type EntryChanges = Required<Pick<Change, "set" | "remove">>;

/** Entries whose names begin so are holdfast's own (flash messages, the device): `data` neither shows nor takes them. */
const RESERVED = "~";

/** The method by which Node's console.log lets an object show itself. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

const NONE: ReadonlyMap<string, string> = new Map();
const UNCHANGED: EntryChanges = { set: NONE, remove: [] };

/** What holds the stored record; undefined where there is none. */
type Base = { readonly record: Pick<SessionRecord, "entries"> } | undefined;

/**
 * A session's entries: their texts as stored, and the values of those that were touched. Knows what changed by comparing texts,
 * so that a change deep in a value counts too. `data` is the view that handlers get.
 */
export class Entries {
  readonly data: object = new Proxy(this, VIEW);
  readonly #serializer: Serializer;
  readonly #onUnreadable: (name: string, cause: unknown) => void;
  #base: Base;
  /** Touched entries by name; undefined stands for a removed one. */
  #values: Map<string, unknown> | undefined;
  #sealed = false;

  constructor(base: Base, serializer: Serializer, onUnreadable: (name: string, cause: unknown) => void) {
    this.#base = base;
    this.#serializer = serializer;
    this.#onUnreadable = onUnreadable;
  }

  get #texts(): ReadonlyMap<string, string> {
    return this.#base?.record.entries ?? NONE;
  }

  get(name: string): unknown {
    if (this.#values?.has(name)) return this.#values.get(name);
    const value = this.stored(name);
    // A primitive can't be changed in place, so reading it leaves no trace.
    if (typeof value === "object" && value !== null) this.set(name, value);
    return value;
  }

  /** A fresh parse of the stored text. An unreadable one is reported, and reads as missing. */
  stored(name: string): unknown {
    const text = this.#texts.get(name);
    if (text === undefined) return undefined;
    try {
      return this.#serializer.parse(text);
    } catch (cause) {
      this.#onUnreadable(name, cause);
      return undefined;
    }
  }

  set(name: string, value: unknown): void {
    this.#values ??= new Map();
    this.#values.set(name, value);
  }

  has(name: string): boolean {
    return this.#values?.has(name) ? this.#values.get(name) !== undefined : this.#texts.has(name);
  }

  /** Names of all entries, holdfast's own among them. */
  names(): string[] {
    const names = new Set(this.#texts.keys());
    for (const [name, value] of this.#values ?? []) value === undefined ? names.delete(name) : names.add(name);
    return [...names];
  }

  /** What differs from the stored texts. Throws `entry-unserializable`. */
  changes(): EntryChanges {
    if (!this.#values) return UNCHANGED;
    let changes: { set: Map<string, string>; remove: string[] } | undefined;
    this.#values.forEach((value, name) => {
      const before = this.#texts.get(name);
      const text = value === undefined ? undefined : encode(this.#serializer, name, value, before);
      if (text === before) return;
      changes ??= { set: new Map(), remove: [] };
      if (text === undefined) changes.remove.push(name);
      else changes.set.set(name, text);
    });
    return changes ?? UNCHANGED;
  }

  isChanged(name?: string): boolean {
    const { set, remove } = this.changes();
    return name === undefined ? set.size + remove.length > 0 : set.has(name) || remove.includes(name);
  }

  /** Goes on from what is stored now. Touched values stay, and what they change is computed against the new texts. */
  rebase(base: Base): void {
    this.#base = base;
  }

  /** Lets go of the touched value of one entry, or of all. */
  forget(name?: string): void {
    if (name === undefined) this.#values = undefined;
    else this.#values?.delete(name);
  }

  /** From here on `data` throws where it is changed: the response has ended, and nothing would save it. */
  seal(): void {
    this.#sealed = true;
  }

  /** Sets an entry as a handler does; undefined removes it. Throws `headers-sent` once sealed. */
  write(name: string, value: unknown): void {
    if (this.#sealed) throw unsaved();
    this.set(name, value);
  }

  /** For console.log, which asks with the view as `this`: every entry, as a plain object. */
  [INSPECT](): object {
    return { ...this };
  }
}

/** Throws `entry-reserved` where the name is holdfast's own, `argument-invalid` where no store could keep it. */
export function checkName(name: string): void {
  if (name.startsWith(RESERVED)) {
    throw new HoldfastError(
      "entry-reserved",
      `session.data has no entry ${JSON.stringify(name)}: names that begin with "${RESERVED}" are holdfast's own. Choose another name.`,
      { entry: name },
    );
  }
  if (!name.isWellFormed()) {
    throw new HoldfastError(
      "argument-invalid",
      "The name of an entry must be well-formed text, without lone surrogates.",
      {
        argument: "entry",
      },
    );
  }
}

/** The session was changed where no response can save it any more. */
export function unsaved(): HoldfastError<"headers-sent"> {
  return new HoldfastError(
    "headers-sent",
    "The session was changed after the response's headers had left, and not saved. Change it before the first write, or call `await session.save()` (or session.update()) before the response ends.",
    {},
  );
}

/** `data` as a plain object without a prototype: a name such as `constructor` or `__proto__` is an entry like any other. */
const VIEW: ProxyHandler<Entries> = {
  get: (entries, name) => (isEntry(name) ? entries.get(name) : undefined),
  has: (entries, name) => isEntry(name) && entries.has(name),
  set(entries, name, value) {
    if (typeof name === "symbol") return false;
    checkName(name);
    entries.write(name, value);
    return true;
  },
  deleteProperty: (entries, name) => VIEW.set!(entries, name, undefined, undefined),
  defineProperty(entries, name, { value }) {
    return VIEW.set!(entries, name, value, undefined);
  },
  ownKeys: (entries) => entries.names().filter(isEntry),
  getOwnPropertyDescriptor(entries, name) {
    if (!isEntry(name) || !entries.has(name)) return undefined;
    return { value: entries.get(name), writable: true, enumerable: true, configurable: true };
  },
  getPrototypeOf: () => null,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
};

function isEntry(name: string | symbol): name is string {
  return typeof name === "string" && !name.startsWith(RESERVED);
}
