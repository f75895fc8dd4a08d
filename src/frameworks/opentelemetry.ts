import { isPending } from "../core/after.ts";
import { EVENTS } from "../core/events.ts";
import type { Sessions } from "../core/sessions.ts";
import { isHoldfastError } from "../errors.ts";
import type { Awaitable, IndexedStore, Store } from "../store.ts";

type Attributes = Record<string, string>;

/** What is used of a Meter of `@opentelemetry/api`. */
export interface Meter {
  createCounter(name: string, options?: object): { add(value: number, attributes?: Attributes): void };
  createHistogram(name: string, options?: object): { record(value: number, attributes?: Attributes): void };
}

/** What is used of a Tracer of `@opentelemetry/api`. */
export interface Tracer {
  startSpan(name: string, options?: { kind?: number; attributes?: Attributes }): Span;
}

interface Span {
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/**
 * Counts what happens to sessions, as `holdfast.session.events`, by `event` and, of rejections, `reason`. Answers the function that ends it.
 *
 * ```ts
 * measureSessions(sessions, metrics.getMeter("holdfast"));   // of @opentelemetry/api
 * ```
 */
export function measureSessions<Data extends object>(sessions: Pick<Sessions<Data>, "on">, meter: Meter): () => void {
  const counter = meter.createCounter("holdfast.session.events", { description: "What happened to sessions" });
  const ends = EVENTS.map((name) =>
    sessions.on(name, (event) => counter.add(1, { event: name, ...("reason" in event && { reason: event.reason }) })),
  );
  return () => ends.forEach((end) => void end());
}

/**
 * The store with a span around each of its operations (`holdfast.store.read` …, of kind client) and their durations in seconds as
 * `holdfast.store.duration`, by `operation` and `outcome`: `ok` or the error's code. Spans and metrics hold handles at most, never an id or a value.
 *
 * ```ts
 * const store = traceStore(sqliteStore("sessions.db"), {
 *   tracer: trace.getTracer("holdfast"),
 *   meter: metrics.getMeter("holdfast"),
 * });
 * ```
 */
export function traceStore<S extends Store>(store: S, { tracer, meter }: { tracer?: Tracer; meter?: Meter }): S {
  const duration = meter?.createHistogram("holdfast.store.duration", {
    description: "How long the session store's operations take",
    unit: "s",
  });

  /** Runs an operation of the store within a span. */
  function run<T>(operation: string, attributes: Attributes, call: () => Awaitable<T>): Awaitable<T> {
    const span = tracer?.startSpan(`holdfast.store.${operation}`, { kind: CLIENT, attributes });
    const from = performance.now();
    const end = (outcome: string): void => {
      duration?.record((performance.now() - from) / 1000, { operation, outcome });
      if (outcome !== "ok") span?.setStatus({ code: ERROR, message: outcome });
      span?.end();
    };
    const failed = (error: unknown): never => {
      end(isHoldfastError(error) ? error.code : "store-failed");
      throw error;
    };
    try {
      const result = call();
      if (!isPending(result)) {
        end("ok");
        return result;
      }
      return result.then((value) => {
        end("ok");
        return value;
      }, failed);
    } catch (error) {
      return failed(error);
    }
  }

  const of = (handle: string): Attributes => ({ "holdfast.handle": handle });
  const { list, deleteAll } = store as Partial<IndexedStore>;
  const traced: Store & Partial<IndexedStore> = {
    read: (handle) => run("read", of(handle), () => store.read(handle)),
    create: (handle, record) => run("create", of(handle), () => store.create(handle, record)),
    update: (handle, change, condition) => run("update", of(handle), () => store.update(handle, change, condition)),
    delete: (handle) => run("delete", of(handle), () => store.delete(handle)),
    sweep: (now) => run("sweep", {}, () => store.sweep(now)),
    close: () => store.close(),
  };
  // Their user is no business of a trace.
  if (list) traced.list = (userId) => run("list", {}, () => list.call(store, userId));
  if (deleteAll)
    traced.deleteAll = (userId, options) => run("deleteAll", {}, () => deleteAll.call(store, userId, options));
  return Object.assign(Object.create(store) as S, traced);
}

// Of SpanKind and SpanStatusCode.
const CLIENT = 2;
const ERROR = 2;
