import { type D1, d1Store } from "holdfast/stores/d1";
import { adapterCases, historyCases, raceCases, storeCases } from "holdfast/testing";
import { type Case, everywhere, type Groups } from "../groups.ts";
import { type Service, serveWorker } from "../serve/worker.ts";

/** The bindings of the Worker under test. */
export interface Environment {
  readonly SELF: Service;
  readonly DB: D1;
}

export function groupsOf({ SELF, DB }: Environment): Groups {
  const open = () => d1Store(DB);
  return {
    ...everywhere,
    "the D1 store": storeCases(open),
    "the D1 store, in races of two": raceCases(open).map(settled),
    "the D1 store, in races of many": historyCases(open).map(settled),
    "fetchSessions, by http": adapterCases(serveWorker(SELF, "http")),
    "fetchSessions, by https": adapterCases(serveWorker(SELF, "https")),
  };
}

/** A race answers how many orders it went through. */
const settled = ({ name, run }: { readonly name: string; run(): Promise<unknown> }): Case => ({
  name,
  run: async () => void (await run()),
});
