import type { RequestEvent } from "@sveltejs/kit";
import type { Handle } from "@sveltejs/kit/hooks";

/** One of the suite's apps. The test's own process runs the built server, and has left it here. */
export interface Suite {
  readonly handle: Handle;
  handleError(error: unknown): App.Error;
  answer(event: RequestEvent): Promise<Response>;
}

/** Undefined for the requests of the example's visitors. */
export function suiteOf({ request }: RequestEvent): Suite | undefined {
  const { holdfastSuites } = globalThis as { holdfastSuites?: Map<string, Suite> };
  return holdfastSuites?.get(request.headers.get("x-suite") ?? "");
}
