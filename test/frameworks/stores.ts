import type { Store } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";

/** A memory store of which these operations fail. */
export function failingStore(...operations: ("read" | "create" | "update" | "delete")[]): Store {
  const fail = (): Promise<never> => Promise.reject(new Error("down"));
  return { ...memoryStore(), ...Object.fromEntries(operations.map((operation) => [operation, fail])) };
}
