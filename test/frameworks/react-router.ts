import type { Sessions } from "holdfast";
import { type ReactRouterSessionsOptions, reactRouterSessions } from "holdfast/react-router";
import type { AdapterApp, AppReply } from "holdfast/testing";
import {
  createContext,
  createRequestHandler,
  type LoaderFunctionArgs,
  type MiddlewareFunction,
  type RouterContextProvider,
  redirect,
  type ServerBuild,
} from "react-router";
import { appRequest, responseOf } from "./fetch.ts";

type Data = Record<string, unknown>;
type Module = ServerBuild["routes"][string] & object extends { module: infer M } ? M : never;
export type Document = ServerBuild["entry"]["module"]["default"];

/** What `react-router build` makes of an app: a root with this middleware, and these routes in it, each under its path. */
export function buildOf(
  middleware: MiddlewareFunction<Response>[],
  routes: Record<string, Partial<Module>>,
  document: Document,
  handleError: ServerBuild["entry"]["module"]["handleError"] = () => {},
): ServerBuild {
  const page = (): null => null;
  const leaves = Object.entries(routes).map(([path, module]) => [
    path,
    { id: path, parentId: "root", path, module: module as Module },
  ]);
  return {
    entry: { module: { default: document, handleError } },
    routes: {
      root: { id: "root", path: "", module: { middleware, default: page, ErrorBoundary: page } as unknown as Module },
      ...Object.fromEntries(leaves),
    },
    assets: { entry: { imports: [], module: "" }, routes: {}, url: "", version: "1" },
    publicPath: "/",
    assetsBuildDirectory: "",
    future: {} as ServerBuild["future"],
    ssr: true,
    // React Router's own check would go before ours.
    allowedActionOrigins: ["**"],
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: "initial", manifestPath: "/__manifest" },
  };
}

export const noPages: Document = () => {
  throw new Error("there are no pages");
};

type Handler = (request: Request) => Promise<Response>;

/** The suite's app as routes without a page: what their loaders and actions answer is the response. */
export function resourcesOf(sessions: Sessions<Data>, app: AdapterApp): Handler {
  const onError = (error: unknown): Response => responseOf(app.onError(error));
  const { middleware, sessionContext } = reactRouterSessions(sessions, { onError });
  const loader = async ({ request, context }: LoaderFunctionArgs): Promise<Response> => {
    try {
      return responseOf(await app.handle(appRequest(request), context.get(sessionContext)));
    } catch (error) {
      throw onError(error);
    }
  };
  const build = buildOf(middleware, { "*": { loader, action: loader } }, noPages);
  const handler = createRequestHandler(build, "production");
  return (request) => handler(request);
}

/** The suite's app as pages: loaders and actions answer data, or throw, and the page or an ErrorBoundary is rendered of it. No `onError`. */
export function pagesOf(
  sessions: Sessions<Data>,
  app: AdapterApp,
  options: ReactRouterSessionsOptions<Data> = {},
): Handler {
  const { middleware, sessionContext } = reactRouterSessions(sessions, options);
  const replyContext = createContext<AppReply>();
  const loader = async ({ request, context }: LoaderFunctionArgs): Promise<unknown> => {
    const reply = await app.handle(appRequest(request), context.get(sessionContext));
    if (reply.kind === "redirect") throw redirect(reply.location);
    context.set(replyContext, reply);
    return null;
  };
  const action = loader;
  const document = (
    _request: Request,
    _status: number,
    _headers: Headers,
    { staticHandlerContext: { errors } }: { staticHandlerContext: { errors: Record<string, unknown> | null } },
    context: RouterContextProvider,
  ): Response => responseOf(errors ? app.onError(Object.values(errors)[0]) : context.get(replyContext));
  const pages = { "*": { loader: undefined, action, default: () => null } };
  const gets = { "*": { loader, default: () => null } };
  const mutates = createRequestHandler(buildOf(middleware, pages, document as Document), "development");
  const reads = createRequestHandler(buildOf(middleware, gets, document as Document), "development");
  return (request) => (["GET", "HEAD"].includes(request.method) ? reads : mutates)(request);
}
