import type { Awaitable } from "../store.ts";

export function isPending<T>(value: Awaitable<T>): value is Promise<T> {
  // Not by `instanceof`: a driver may have a promise of its own, and an app another one in the global one's place.
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Goes on with the value: at once where it is at hand, else when it comes. A request to a store in memory then never waits. */
export function after<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPending(value) ? value.then(next) : next(value);
}

/** Does it; where it throws, answers a rejected promise, as it would have if it were asynchronous. */
export function attempt<T>(operation: () => Awaitable<T>): Awaitable<T> {
  try {
    return operation();
  } catch (error) {
    return Promise.reject(error);
  }
}
