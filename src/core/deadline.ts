import type { Awaitable } from "../store.ts";
import { isPending } from "./after.ts";

/** Runs `start`, and gives up waiting for it after the deadline. `fail` makes the error of it: with a `cause`, or without where it is late. */
export type Deadline = <T>(start: () => Awaitable<T>, fail: (options?: { cause: unknown }) => unknown) => Awaitable<T>;

interface Operation {
  readonly due: number;
  readonly expire: () => void;
}

/** One timer watches all operations under way: one for each would cost every request more than a fast store does. */
export function createDeadline(timeout: number): Deadline {
  // In the order of their deadlines, as all have the same time.
  const pending = new Set<Operation>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function watch(delay: number): void {
    timer = setTimeout(check, delay);
    timer.unref?.();
  }

  function check(): void {
    timer = undefined;
    const now = performance.now();
    for (const operation of pending) {
      if (operation.due > now) {
        watch(operation.due - now);
        return;
      }
      pending.delete(operation);
      operation.expire();
    }
  }

  return (start, fail) => {
    let value: ReturnType<typeof start>;
    try {
      value = start();
    } catch (cause) {
      throw fail({ cause });
    }
    if (!isPending(value)) return value;
    const promise = value;
    return new Promise((resolve, reject) => {
      const operation: Operation = { due: performance.now() + timeout, expire: () => reject(fail()) };
      pending.add(operation);
      if (timer === undefined) watch(timeout);
      promise.then(
        (value) => {
          pending.delete(operation);
          resolve(value);
        },
        (cause) => {
          pending.delete(operation);
          reject(fail({ cause }));
        },
      );
    });
  };
}
