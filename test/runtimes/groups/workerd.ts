import { type D1, d1Store } from "holdfast/stores/d1";
import { adapterCases, storeCases } from "holdfast/testing";
import { everywhere, type Groups } from "../groups.ts";
import { type Service, serveWorker } from "../serve/worker.ts";

/** The bindings of the Worker under test. */
export interface Environment {
  readonly SELF: Service;
  readonly DB: D1;
}

export function groupsOf({ SELF, DB }: Environment): Groups {
  return {
    ...everywhere,
    "the D1 store, by two bindings": storeCases(() => d1Store(DB)),
    "fetchSessions, by http": adapterCases(serveWorker(SELF, "http")),
    "fetchSessions, by https": adapterCases(serveWorker(SELF, "https")),
  };
}
