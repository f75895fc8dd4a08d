import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { storeCases } from "holdfast/testing";
import { essentials } from "./essentials.ts";

/** A promise, and the code that holds a runtime to it, inside that runtime. */
export interface Case {
  readonly name: string;
  run(): Promise<void>;
}

/** Cases by what they are about. */
export type Groups = Readonly<Record<string, readonly Case[]>>;

const store = memoryStore();

/** What holds on every runtime. */
export const everywhere: Groups = {
  "the core's essentials": essentials,
  "the memory store": storeCases(() => store),
};

/** Sessions at work that nobody closes: a process must end all the same, where the runtime has processes. */
export async function leaveOpen(): Promise<void> {
  const store = memoryStore();
  const slow = { ...store, read: async (handle: string) => store.read(handle) };
  const sessions = createSessions({ store: slow, timeout: 60_000 });
  await sessions.open({ header: () => `sid=${"h".repeat(22)}.${"s".repeat(43)}`, encrypted: false });
}
