/** Runs `start`, and gives up waiting for it after the deadline: then the error that `late` makes. */
export type Deadline = <T>(start: () => Promise<T>, late: () => Error) => Promise<T>;

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

  return (start, late) =>
    new Promise((resolve, reject) => {
      const operation: Operation = { due: performance.now() + timeout, expire: () => reject(late()) };
      pending.add(operation);
      if (timer === undefined) watch(timeout);
      start().then(
        (value) => {
          pending.delete(operation);
          resolve(value);
        },
        (error) => {
          pending.delete(operation);
          reject(error);
        },
      );
    });
}
