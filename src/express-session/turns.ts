const queues = new WeakMap<object, Map<string, Promise<unknown>>>();

/** Does the work when all that came before it under this key of this owner has ended, well or not. */
export function inTurn<T>(owner: object, key: string, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(owner) ?? new Map<string, Promise<unknown>>();
  queues.set(owner, queue);
  const turn = (queue.get(key) ?? Promise.resolve()).then(work, work);
  queue.set(key, turn);
  const leave = (): void => {
    if (queue.get(key) === turn) queue.delete(key);
  };
  turn.then(leave, leave);
  return turn;
}
