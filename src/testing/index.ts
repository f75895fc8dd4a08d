export {
  type AdapterApp,
  type AdapterCase,
  type AdapterServer,
  type AppHeaders,
  type AppReply,
  type AppRequest,
  adapterCases,
  type Call,
  type SentReply,
  type Serve,
  type Speak,
} from "./adapters.ts";
export { type Barrier, barrier } from "./barrier.ts";
export {
  checkHistory,
  type HistoryAnswer,
  type HistoryCase,
  type HistoryEntries,
  type HistoryOperation,
  type HistoryOptions,
  type HistoryStart,
  type HistoryVerdict,
  historyCases,
} from "./history.ts";
export { type LoginOptions, loginAs } from "./login.ts";
export { type RaceCase, raceCases } from "./races.ts";
export { type StoreCase, storeCases } from "./store.ts";
