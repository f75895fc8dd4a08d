import type { Awaitable } from "../store.ts";
import { isPending } from "./after.ts";
import { LONGEST_TIMER } from "./duration.ts";

/** Runs `start`, and gives up waiting for it after the deadline. `fail` makes the error of it: with a `cause`, or without where it is late. */
export type Deadline = <T>(start: () => Awaitable<T>, fail: (options?: { cause: unknown }) => unknown) => Awaitable<T>;

/** Calls `expire` when the time is over, unless the answer was called before. */
type Watch = (expire: () => void) => () => void;

/** In Cloudflare Workers a timer ends with the request that began it, and may touch no other request's promises. */
const timersEndWithRequests = (): boolean => globalThis.navigator?.userAgent === "Cloudflare-Workers";

export function createDeadline(timeout: number): Deadline {
  const watch = (timersEndWithRequests() ? eachByItself : allTogether)(Math.min(timeout, LONGEST_TIMER));
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
      const stop = watch(() => reject(fail()));
      promise.then(
        (value) => {
          stop();
          resolve(value);
        },
        (cause) => {
          stop();
          reject(fail({ cause }));
        },
      );
    });
  };
}

function eachByItself(timeout: number): Watch {
  return (expire) => {
    const timer = setTimeout(expire, timeout);
    return () => clearTimeout(timer);
  };
}

interface Operation {
  readonly due: number;
  readonly expire: () => void;
}

/** One timer watches all operations under way: one for each would cost every request more than a fast store does. */
function allTogether(timeout: number): Watch {
  // In the order of their deadlines, as all have the same time.
  const pending = new Set<Operation>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function wait(delay: number): void {
    timer = setTimeout(check, delay);
    timer.unref?.();
  }

  function check(): void {
    timer = undefined;
    const now = performance.now();
    for (const operation of pending) {
      if (operation.due > now) {
        wait(operation.due - now);
        return;
      }
      pending.delete(operation);
      operation.expire();
    }
  }

  return (expire) => {
    const operation: Operation = { due: performance.now() + timeout, expire };
    pending.add(operation);
    if (timer === undefined) wait(timeout);
    return () => void pending.delete(operation);
  };
}
