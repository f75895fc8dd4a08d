/** Runs `start`, and gives up waiting for it after the deadline. `fail` makes the error of it: with a `cause`, or without where it is late. */
export type Deadline = <T>(start: () => Promise<T>, fail: (options?: { cause: unknown }) => unknown) => Promise<T>;

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

  return (start, fail) =>
    new Promise((resolve, reject) => {
      const operation: Operation = { due: performance.now() + timeout, expire: () => reject(fail()) };
      pending.add(operation);
      if (timer === undefined) watch(timeout);
      begun(start).then(
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
}

/** A store of somebody's may throw, or answer, without a promise. */
function begun<T>(start: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(start());
  } catch (error) {
    return Promise.reject(error);
  }
}
