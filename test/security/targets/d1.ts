import type { D1, D1Statement } from "holdfast/stores/d1";
import { Miniflare } from "miniflare";

interface Asked {
  readonly sql: string;
  readonly values: readonly unknown[];
}

const SCRIPT = `
  export default {
    async fetch(request, env) {
      const { database, how, statements } = await request.json();
      const prepared = statements.map(({ sql, values }) => env[database].prepare(sql).bind(...values));
      try {
        return Response.json({ result: how === "batch" ? await env[database].batch(prepared) : await prepared[0][how]() });
      } catch (error) {
        return Response.json({ error: error.message });
      }
    },
  };
`;

/** Cloudflare's runtime takes a second to start, so one is there for all, until the process ends. */
let runtime: Miniflare | undefined;

/**
 * One of its databases, by this name. Each statement is one request to a Worker: Miniflare's own proxy of a binding takes several, and blocks the process for some.
 */
export function remoteD1(databases: readonly string[], database: string): D1 {
  const worker = { modules: true, script: SCRIPT, compatibilityDate: "2026-07-01", cf: false } as const;
  runtime ??= new Miniflare({ ...worker, d1Databases: [...databases] });
  const flare = runtime;

  async function ask<Result>(how: "run" | "raw" | "batch", statements: readonly Asked[]): Promise<Result> {
    const body = JSON.stringify({ database, how, statements });
    const response = await flare.dispatchFetch("http://d1.test", { method: "POST", body });
    const { result, error } = (await response.json()) as { result: Result; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  }

  const statement = (sql: string, values: Asked["values"] = []): D1Statement & Asked => {
    const self: D1Statement & Asked = {
      sql,
      values,
      bind: (...bound) => statement(sql, bound),
      run: () => ask("run", [self]),
      raw: () => ask("raw", [self]),
    };
    return self;
  };
  return {
    prepare: (sql) => statement(sql),
    batch: (statements) => ask("batch", statements as (D1Statement & Asked)[]),
  };
}
