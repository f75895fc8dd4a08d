import { HoldfastError } from "../errors.ts";

/** The table of a store on a database server. */
export interface TableOptions {
  /** Its name: letters, digits and `_`, at most 48. Default: `"holdfast_sessions"`. */
  table?: string;
  /** The schema (in MySQL, the database) that it is in. Default: the connection's own. */
  schema?: string;
}

export interface ServerStoreOptions extends TableOptions {
  /** Whether the first operation creates the table where there is none. Default: `true`. */
  migrate?: boolean;
  /**
   * How long the server may leave a statement without an answer before the operation fails and its connection is dropped, in
   * milliseconds. Default: `10000`. So a pool gets rid of connections that a network lost without a word; requests themselves wait no longer than
   * the `timeout` of `createSessions`.
   */
  queryTimeout?: number;
}

const TABLE = "holdfast_sessions";

/** The most ms that a timer can wait: one of more would go off at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The table's name, with `quote` around its parts, and the names of its indexes. Throws where an option is not one, or not as it must be. */
export function checked(who: string, options: ServerStoreOptions, quote: string) {
  const { table = TABLE, schema, migrate = true, queryTimeout = 10_000, ...others } = options;
  for (const option of Object.keys(others)) {
    const text = `${who} has no option "${option}". It takes \`table\`, \`schema\`, \`migrate\` and \`queryTimeout\`.`;
    throw new HoldfastError("option-unknown", text, { option });
  }
  const demand = (holds: boolean, option: string, text: string): void => {
    if (!holds) throw new HoldfastError("option-invalid", `${who}: \`${option}\` ${text}.`, { option });
  };
  demand(isName(table), "table", "is made of letters, digits and _, at most 48");
  demand(schema === undefined || isName(schema), "schema", "is made of letters, digits and _, at most 48");
  demand(typeof migrate === "boolean", "migrate", "is true or false");
  const isTime = typeof queryTimeout === "number" && queryTimeout > 0 && queryTimeout <= LONGEST_TIMER;
  demand(isTime, "queryTimeout", `is milliseconds, more than 0 and at most ${LONGEST_TIMER}`);
  const quoted = (name: string): string => quote + name + quote;
  const name = schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;
  return { name, table, schema, index: (of: string): string => quoted(`${table}_${of}`), migrate, queryTimeout };
}

/** What goes into SQL as it is. With an index's suffix it keeps within PostgreSQL's 63 bytes. */
const isName = (name: unknown): boolean => typeof name === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(name);

export function demandMethod(who: string, client: unknown, methods: readonly string[], what: string): void {
  const has = (method: string) => typeof (client as Record<string, unknown> | undefined)?.[method] === "function";
  if (!methods.some(has)) throw new HoldfastError("option-invalid", `${who} takes ${what}.`, { option: "client" });
}
