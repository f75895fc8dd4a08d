import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecure } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Session } from "holdfast";
import { adapterCases, type SentReply, type Serve } from "holdfast/testing";
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import { type SvelteKitHandle, svelteKitSessions } from "../../../src/frameworks/sveltekit.ts";
import { appRequest, responseOf } from "../../frameworks/fetch.ts";
import { listen, tls } from "../../http/listen.ts";
import type { App } from "./app.ts";

type Data = Record<string, unknown>;

/** As `sveltekit/src/suite.server.ts` has it. */
interface Suite {
  readonly handle: SvelteKitHandle<Data>;
  handleError(error: unknown): { status: number; message: string };
  answer(event: { request: Request; locals: { session: Session<Data> } }): Promise<Response>;
}

const suites = new Map<string, Suite>();

export default function cases(app: () => App): void {
  /** The suite's apps in an endpoint, with SvelteKit in this process: the suite holds requests at its barriers. */
  let handler: RequestListener;
  beforeAll(async () => {
    // Read when the server is imported. Which scheme it is told not in the header of the suite's cases, as those try what a proxy says that nobody trusts.
    vi.stubEnv("PROTOCOL_HEADER", "x-scheme");
    vi.stubEnv("DATABASE", join(app().folder, "suite.db"));
    Object.assign(globalThis, { holdfastSuites: suites });
    ({ handler } = (await import(pathToFileURL(join(app().folder, "build/handler.js")).href)) as {
      handler: RequestListener;
    });
  });
  afterAll(() => void vi.unstubAllEnvs());

  const serve =
    (scheme: "http" | "https", make: (listener: RequestListener) => Server, ownErrors: boolean): Serve =>
    async (sessions, suite) => {
      const name = crypto.randomUUID();
      const onError = (error: unknown): Response => responseOf(suite.onError(error));
      suites.set(name, {
        handle: svelteKitSessions(sessions, ownErrors ? { onError } : {}),
        handleError(error) {
          const { status, body = "" }: SentReply = suite.onError(error);
          return { status, message: body };
        },
        async answer({ request, locals }) {
          const { path, ...rest } = appRequest(request);
          return responseOf(await suite.handle({ ...rest, path: path.slice("/suite".length) }, locals.session));
        },
      });
      // By default some errors are only told to the console: after a login, whose cookie no error page can carry, and in the middle of a stream.
      const written = vi.spyOn(console, "error").mockImplementation((error) => {
        if (!ownErrors) suite.onError(error);
      });
      const { port, close } = await listen(
        make((request, response) => {
          request.url = `/suite${request.url}`;
          Object.assign(request.headers, { "x-suite": name, "x-scheme": scheme });
          // Before any hook SvelteKit refuses what may be a form of another origin. The suite's requests say neither what they are nor where they are from.
          request.headers["content-type"] ??= "application/json";
          handler(request, response);
        }),
      );
      return {
        url: `${scheme}://127.0.0.1:${port}`,
        async close() {
          written.mockRestore();
          suites.delete(name);
          await close();
        },
      };
    };

  describe.each([
    ["by SvelteKit's error page", "http", serve("http", createServer, false)],
    ["by SvelteKit's error page", "https", serve("https", (listener) => createSecure(tls, listener), false)],
    ["by onError", "http", serve("http", createServer, true)],
  ] as const)("the suite, with errors answered %s, by %s", (_errors, _scheme, serve) => {
    for (const { name, run } of adapterCases(serve)) test(name, run);
  });
}
