/** A meeting point. Tests of races use it instead of sleeps: they then race on every run, and on every machine. */
export interface Barrier {
  /** Resolves when all have arrived. Who comes later passes at once. */
  arrive(): Promise<void>;
}

/**
 * A barrier for `count` arrivals.
 *
 * ```ts
 * const bothHaveRead = barrier(2);
 * app.post("/cart", async (req, res) => {
 *   const cart = req.session.data.cart ?? [];
 *   await bothHaveRead.arrive();          // no request writes before the other one has read
 *   req.session.data.cart = [...cart, "tea"];
 *   res.end();
 * });
 * ```
 */
export function barrier(count: number): Barrier {
  let missing = count;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    arrive() {
      missing -= 1;
      if (missing <= 0) open();
      return opened;
    },
  };
}
