import { type ErrorCode, HoldfastError } from "../errors.ts";

export type StoreCode = Exclude<Extract<ErrorCode, `store-${string}`>, "store-timeout">;

export function failure(code: StoreCode, message: string, operation: string, cause?: unknown): HoldfastError {
  return new HoldfastError(code, message, { operation }, { cause });
}
