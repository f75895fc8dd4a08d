import type { IncomingMessage, ServerResponse } from "node:http";
import { assertSessions, bindDeviceOf } from "../core/misuse.ts";
import type { Session, SessionData } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { answerStatus } from "../http/answer.ts";
import { type NodeRequest, requestHead } from "../http/head.ts";
import { hold } from "../http/hold.ts";
import { breakOff, type NodeResponse } from "../http/response.ts";

export interface NodeSessionsOptions<Request, Response> {
  /**
   * Answers a request that failed: its handler threw or rejected, or its session could not be read or saved. Default: logs the error and sends
   * the status of the error (500, or 503 for the store's), or breaks the connection where headers have left already. One that fails itself has the
   * connection broken, and its error logged.
   */
  onError?: (error: unknown, request: Request, response: Response) => unknown;
}

/**
 * Gives a handler of node:http, https or http2 (its compatibility API) the session of each request, as `request.session`.
 *
 * ```ts
 * const server = createServer(
 *   nodeSessions(sessions, async (request, response) => {
 *     const views = await request.session.update("views", (n = 0) => n + 1);
 *     response.end(`${views} views`);
 *   }),
 * );
 * ```
 *
 * The response leaves when what the handler changed is saved; when saving fails, `onError` answers instead.
 */
export function nodeSessions<
  Data extends object = SessionData,
  Request extends NodeRequest = IncomingMessage,
  Response extends NodeResponse = ServerResponse,
>(
  sessions: Sessions<Data>,
  handler: (request: Request & { session: Session<Data> }, response: Response) => unknown,
  { onError = answerError }: NodeSessionsOptions<Request, Response> = {},
): (request: Request, response: Response) => Promise<void> {
  assertSessions(sessions, "nodeSessions");
  return async (request, response) => {
    const fail = async (error: unknown): Promise<void> => {
      try {
        await onError(error, request, response);
      } catch (second) {
        console.error(second);
        breakOff(response);
      }
    };
    try {
      const exchange = await sessions.open(requestHead(request));
      hold(response, exchange, fail);
      await handler(Object.assign(request, { session: exchange.session }), response);
    } catch (error) {
      await fail(error);
    }
  };
}

function answerError(error: unknown, _request: NodeRequest, response: NodeResponse): void {
  console.error(error);
  answerStatus(response, error);
}

/**
 * Answers browsers that register their device or prove it, with the option `deviceBound`: a handler for POST at its path, in whatever framework has node:http's
 * request and response (Express, Connect, Koa's `ctx.req` and `ctx.res` …). Throws `argument-invalid` without that option. Where the store fails, it logs the error
 * and answers 503: then the browser keeps the binding, and tries again.
 *
 * ```ts
 * const sessions = createSessions({ store: memoryStore(), deviceBound: "/device" });
 * app.post("/device", nodeDeviceBinding(sessions));
 * app.use(expressSessions(sessions));
 * ```
 */
export function nodeDeviceBinding<Data extends object>(
  sessions: Sessions<Data>,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  const bindDevice = bindDeviceOf(sessions);
  return async (request, response) => {
    try {
      const { status, headers, body } = await bindDevice(requestHead(request));
      response.statusCode = status;
      for (const [name, value] of Object.entries(headers)) {
        // Beside cookies that middleware has set.
        if (name === "Set-Cookie") response.appendHeader(name, value);
        else response.setHeader(name, value);
      }
      // The two response types share `end`, but not one signature of it.
      (response as ServerResponse).end(body);
    } catch (error) {
      answerError(error, request, response);
    }
  };
}
