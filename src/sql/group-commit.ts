interface Write {
  /** Runs its statements, and answers what tells the waiting request when they are committed. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommit {
  /** Runs the step in the turn's transaction, and answers when that is committed. */
  write<T>(step: () => T): Promise<T>;
  /** Commits what waits now. */
  flush(): void;
}

/**
 * Commits the writes of one turn of the event loop in one transaction, so that they wait for the disk once and not each in turn.
 * Where that fails, none of them is in; unless a lock was in the way, each is run again by itself, and fails or succeeds by itself.
 *
 * `transaction` runs the work all or not at all. Immediates come when all that arrived in the turn has been handled, with no timer to wait for.
 */
export function groupCommit(transaction: <T>(work: () => T) => T, isLock: (error: unknown) => boolean): GroupCommit {
  let waiting: Write[] = [];

  function flush(): void {
    const writes = waiting;
    waiting = [];
    if (writes.length > 0) commit(writes);
  }

  function commit(writes: readonly Write[]): void {
    let committed: (() => void)[];
    try {
      committed = transaction(() => writes.map(({ run }) => run()));
    } catch (error) {
      if (writes.length > 1 && !isLock(error)) for (const write of writes) commit([write]);
      else for (const { reject } of writes) reject(error);
      return;
    }
    for (const answer of committed) answer();
  }

  return {
    write: (step) =>
      new Promise((resolve, reject) => {
        const run = () => {
          const answer = step();
          return () => resolve(answer);
        };
        if (waiting.push({ run, reject }) === 1) setImmediate(flush);
      }),
    flush,
  };
}
