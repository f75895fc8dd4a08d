import { HoldfastError, isHoldfastError } from "../errors.ts";

/** How the value of one entry becomes text and back. `stringify` answers undefined for what it can't hold; `parse` may throw on foreign text. */
export interface Serializer {
  stringify(value: unknown): string | undefined;
  parse(text: string): unknown;
}

/** The default: JSON. What JSON would drop or change without a word, {@link encode} refuses. */
export const strictJson: Serializer = { stringify: JSON.stringify, parse: JSON.parse };

/**
 * The entry's text; `before` is the text it had. Throws `entry-unserializable`, naming the entry.
 * An unchanged value costs one pass, a changed one a second that looks for what JSON loses.
 */
export function encode(serializer: Serializer, entry: string, value: unknown, before?: string): string {
  const isOwn = serializer !== strictJson;
  try {
    const text = serializer.stringify(value);
    if (typeof text === "string" && text === before) return text;
    const loss = isOwn ? undefined : findLoss(value, entry);
    if (typeof text === "string" && text.isWellFormed() && !loss) return text;
    throw isOwn ? refused(entry, "answers no well-formed text for it") : unserializable(entry, loss);
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause;
    if (isOwn) throw refused(entry, "throws; see the error's cause", { cause });
    const loss = cause instanceof TypeError ? findLoss(value, entry) : undefined;
    throw unserializable(entry, loss, { cause });
  }
}

interface Loss {
  readonly path: string;
  readonly what: string;
}

/** By a serializer of the app's own, which may hold more than JSON does, or less. */
function refused(entry: string, what: string, options?: ErrorOptions): HoldfastError<"entry-unserializable"> {
  const message = `The session's entry ${JSON.stringify(entry)} can't be stored: the option serializer ${what}.`;
  return new HoldfastError("entry-unserializable", message, { entry, path: entry }, options);
}

function unserializable(
  entry: string,
  { path, what }: Loss = { path: entry, what: "a value without a text" },
  options?: ErrorOptions,
): HoldfastError<"entry-unserializable"> {
  return new HoldfastError(
    "entry-unserializable",
    `The session's entry ${JSON.stringify(entry)} can't be stored: ${path} is ${what}. Store plain data, as JSON holds it.`,
    { entry, path },
    options,
  );
}

/** What JSON writes as it is, and unwraps. Of all others (Map, Set, RegExp, Error, Uint8Array …) it keeps an empty shell at best. */
const KEPT = ["Object", "Array", "String", "Number", "Boolean"];

/** The first place in the value that JSON can't hold, or would change. */
function findLoss(value: unknown, path: string, above: Set<unknown> = new Set()): Loss | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return undefined;
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
    return { path, what: `a ${typeof value}` };
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { path, what: String(value) };
  if (typeof value !== "object") return undefined;
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (!KEPT.includes(kind)) return { path, what: `a ${kind}` };
  if (above.has(value)) return { path, what: "a cycle" };
  above.add(value);
  const list = Array.isArray(value);
  for (const [name, inner] of list ? value.entries() : Object.entries(value)) {
    const within = list ? `${path}[${name}]` : `${path}.${name}`;
    if (list && inner === undefined) return { path: within, what: "undefined, which a list can't hold" };
    const loss = findLoss(inner, within, above);
    if (loss) return loss;
  }
  above.delete(value);
  return undefined;
}
