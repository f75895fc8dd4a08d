import { metrics, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { createSessions, type IndexedStore } from "holdfast";
import { measureSessions, traceStore } from "holdfast/opentelemetry";
import { memoryStore } from "holdfast/stores/memory";
import { storeCases } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { type Client, client } from "../core/client.ts";

interface Data {
  cart: string;
}

const spans = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("test");

describe("a traced store keeps the contract", () => {
  const store = traceStore(memoryStore(), { tracer, meter: metrics.getMeter("none") });
  for (const { name, run } of storeCases(() => store)) test(name, run);
});

describe("OpenTelemetry", () => {
  let exporter: InMemoryMetricExporter;
  let reader: PeriodicExportingMetricReader;
  let provider: MeterProvider;
  let broken: boolean;
  let sessions: ReturnType<typeof createSessions<Data>>;
  let stop: () => void;
  let browser: Client<Data>;

  beforeEach(() => {
    spans.reset();
    exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    provider = new MeterProvider({ readers: [reader] });
    const meter = provider.getMeter("holdfast");
    const memory = memoryStore();
    broken = false;
    const below: IndexedStore = {
      ...memory,
      read: async (handle) => (broken ? Promise.reject(new Error("down")) : memory.read(handle)),
    };
    sessions = createSessions<Data>({ store: traceStore(below, { tracer, meter }) });
    stop = measureSessions(sessions, meter);
    browser = client(sessions);
  });
  afterEach(async () => {
    await sessions.close();
    await provider.shutdown();
  });

  /** The points of one instrument, by their attributes. */
  async function points(name: string): Promise<Record<string, unknown>> {
    await reader.forceFlush();
    const scopes = exporter
      .getMetrics()
      .at(-1)!
      .scopeMetrics.flatMap((scope) => scope.metrics);
    const found = scopes.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
    return Object.fromEntries(found.map(({ attributes, value }) => [Object.values(attributes).join(" "), value]));
  }

  it("counts what happens to sessions", async () => {
    await browser.set({ cart: "tea" });
    await browser.request((session) => session.login("ada"));
    await browser.request((session) => session.destroy());
    await Object.assign(client(sessions), { cookie: `sid=${"h".repeat(22)}.${"s".repeat(43)}` }).request(() => {});
    expect(await points("holdfast.session.events")).toEqual({
      created: 1,
      loaded: 2,
      rotated: 1,
      destroyed: 1,
      "rejected unknown": 1,
    });
    stop();
    await browser.set({ cart: "tea" });
    expect(await points("holdfast.session.events")).toMatchObject({ created: 1 });
  });

  it("has a span for each operation of the store, and tells which failed", async () => {
    await browser.set({ cart: "tea" });
    broken = true;
    await expect(browser.request(() => {})).rejects.toMatchObject({ code: "store-failed" });
    const finished = spans.getFinishedSpans();
    expect(finished.map(({ name, kind, status }) => [name, kind, status.code])).toEqual([
      ["holdfast.store.create", SpanKind.CLIENT, SpanStatusCode.UNSET],
      ["holdfast.store.read", SpanKind.CLIENT, SpanStatusCode.ERROR],
    ]);
    const durations = await points("holdfast.store.duration");
    expect(Object.keys(durations)).toEqual(["create ok", "read store-failed"]);
  });

  it("holds no id, no secret, and no value", async () => {
    await browser.set({ cart: "tea leaves" });
    await browser.request((session) => session.login("ada"));
    const [, id = ""] = browser.cookie!.split("=");
    broken = true;
    await expect(browser.request(() => {})).rejects.toMatchObject({ code: "store-failed" });
    await reader.forceFlush();
    const ended = spans
      .getFinishedSpans()
      .map(({ name, attributes, status, events }) => [name, attributes, status, events]);
    const measured = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const told = JSON.stringify([ended, measured]);
    expect(told).toContain("holdfast.session.events");
    expect(told).toContain(id.split(".")[0]);
    for (const secret of [id, id.split(".")[1]!, "tea leaves", "ada"]) expect(told).not.toContain(secret);
  });
});
