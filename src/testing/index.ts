export { type Barrier, barrier } from "./barrier.ts";
export { type LoginOptions, loginAs } from "./login.ts";
export { type StoreCase, storeCases } from "./store.ts";
