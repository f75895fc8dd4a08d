import type { Store } from "express-session";
import memorystore from "memorystore";
import { describe } from "vitest";
import { storeSuite } from "./suite.ts";

describe("memorystore", () => {
  storeSuite(() => {
    // All that its stores keep is in `store`: shared, it outlives an app as a server's rows do.
    let kept: unknown;
    return {
      open(library) {
        const store: Store & { store?: unknown } = new (memorystore(library))({});
        kept ??= store.store;
        store.store = kept;
        return store;
      },
      close() {},
    };
  });
});
