import type { H3Event, HTTPError, Middleware } from "nitro/h3";

/** The test's own process runs Nitro, and has left its app here. In the example's own process there is none. */
export interface Suite {
  readonly middleware: Middleware;
  answer(event: H3Event): unknown;
  onError(error: HTTPError): Response;
}

export const suite = (): Suite | undefined => (globalThis as { holdfastSuite?: Suite }).holdfastSuite;
