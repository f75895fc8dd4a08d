import assert from "node:assert/strict";
import type { IndexedStore, Store } from "../store.ts";
import type { Clients } from "./store/fixtures.ts";

/** Opens two clients of one database when they are first asked for. Says so where one has no index by user, and should. */
export function openTwice(open: () => Store | Promise<Store>, indexed: boolean): () => Promise<Clients<Store>> {
  let opened: Promise<Clients<Store>> | undefined;
  const both = async () => {
    const clients = { store: await open(), other: await open() };
    if (indexed) byUser(clients);
    return clients;
  };
  return () => {
    opened ??= both();
    return opened;
  };
}

export function byUser({ store, other }: Clients<Store>): Clients<IndexedStore> {
  assert.ok("list" in store && "list" in other, "This store has no `list`: pass { indexed: false }.");
  return { store: store as IndexedStore, other: other as IndexedStore };
}
