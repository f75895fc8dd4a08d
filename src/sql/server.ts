import { type HoldfastError, isHoldfastError } from "../errors.ts";
import { failure, type StoreCode } from "./failure.ts";

/** What a server's error means: that it undid the statement for the sake of others beside it, or a code and what to do. */
export type Diagnosis = "undone" | readonly [code: StoreCode, advice: string];

export interface Server {
  /** As messages call it. */
  readonly name: string;
  /** Makes sure that the table is there: before the first operation, and again until it succeeds. */
  prepare(): Promise<void>;
  /** Undefined where there is no more to say than the error itself does. */
  diagnose(error: unknown): Diagnosis | undefined;
}

export interface Operations {
  run<T>(operation: string, step: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** How often a statement is run that others undo. Each time at least one of them gets through. */
const ATTEMPTS = 50;

/**
 * What a store does on a server. A step that failed is never repeated, for it may have been done and its answer lost; but one that the
 * server says it undid, is.
 */
export function operationsOn({ name, prepare, diagnose }: Server): Operations {
  let prepared: Promise<void> | undefined;
  let closed = false;

  function ready(): Promise<void> {
    prepared ??= prepare().catch((error) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  }

  function explained(error: unknown, operation: string): HoldfastError {
    if (isHoldfastError(error)) return error;
    const diagnosis = diagnose(error);
    // PostgreSQL hangs the row on its errors, and what of it was being read.
    for (const field of ["detail", "where"]) Reflect.deleteProperty(Object(error), field);
    // Without the server's words, which may quote a value.
    const [code, advice] =
      diagnosis === "undone" ? UNDONE : (diagnosis ?? ["store-failed", `failed${codeOf(error)}. See the cause.`]);
    return failure(code, `${name} ${advice}`, operation, error);
  }

  return {
    async run(operation, step) {
      for (let attempt = 1; ; attempt++) {
        if (closed) throw failure("store-closed", "The store was closed before. Create a new one.", operation);
        try {
          await ready();
          return await step();
        } catch (error) {
          if (attempt < ATTEMPTS && diagnose(error) === "undone") continue;
          throw explained(error, operation);
        }
      }
    },
    async close() {
      closed = true;
    },
  };
}

const UNDONE = ["store-locked", "kept undoing it for others that ran beside it. Look for long transactions."] as const;

/** Not the name that mysql2 has for the number: MariaDB uses some of MySQL's otherwise. */
function codeOf(error: unknown): string {
  const { code, errno, sqlState } = error as { code?: string; errno?: number; sqlState?: string };
  const known = sqlState ? errno : code;
  return known ? `: ${known}` : "";
}

/** The comment on a table: whose it is, and of which version. */
export const MARK = "holdfast sessions, version 1";

/** Why a table with another comment is left alone. */
export const strange = (table: string, mark: string | null): string =>
  mark?.startsWith("holdfast")
    ? `The table ${table} is of a later release of holdfast: "${mark}". Update this one.`
    : `The table ${table} is not holdfast's, or has lost the comment "${MARK}". Choose another \`table\`.`;
