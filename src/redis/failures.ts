import { type ErrorCode, HoldfastError, isHoldfastError } from "../errors.ts";

type StoreCode = Extract<ErrorCode, "store-failed" | "store-readonly" | "store-full" | "store-closed">;

/** By the first word of the server's error; in front of it, older servers say which line of a script it came from. */
const FAILURES: Readonly<Record<string, readonly [StoreCode, string]>> = {
  OOM: ["store-full", "The server has reached its maxmemory. Give it more, or look for keys without an expiry."],
  READONLY: ["store-readonly", "The server is a replica. Connect to the primary, or by Sentinel or Cluster."],
  MISCONF: ["store-readonly", "The server can't save to its disk and takes no writes. Look into its log."],
  NOREPLICAS: ["store-readonly", "The server has too few replicas to take writes (min-replicas-to-write)."],
  NOPERM: ["store-failed", "The user of the connection may not do this: it needs GET, EVAL, EVALSHA and WAIT."],
  WRONGTYPE: ["store-failed", "Another program's key is in the way. Give the store a `prefix` of its own."],
};

export function explained(error: unknown, operation: string): unknown {
  if (isHoldfastError(error)) return error;
  const message = messageOf(error);
  // ioredis hangs the command on its errors, and with it the values that were to be written.
  if (typeof error === "object" && error !== null && "command" in error) delete error.command;
  const [word = ""] = /\b(?:OOM|READONLY|MISCONF|NOREPLICAS|NOPERM|WRONGTYPE)\b/.exec(message) ?? [];
  const [code, advice] = FAILURES[word] ?? ["store-failed", ""];
  return failure(code, operation, `Redis failed: ${message}${advice && ` ${advice}`}`, error);
}

export function failure(code: StoreCode, operation: string, message: string, cause?: unknown): HoldfastError {
  return new HoldfastError(code, message, { operation }, { cause });
}

export const messageOf = (error: unknown): string => String((error as Error | undefined)?.message ?? error);
