/** What the types of the SvelteKit and React Router adapters promise. Checked by `npm run typecheck`. */
import { createSessions, type Session } from "holdfast";
import { reactRouterSessionStorage, reactRouterSessions } from "holdfast/react-router";
import { memoryStore } from "holdfast/stores/memory";
import { type SvelteKitEvent, svelteKitSessions } from "holdfast/sveltekit";
import type { LoaderFunctionArgs, MiddlewareFunction, SessionStorage } from "react-router";

interface Data {
  views: number;
}

const sessions = createSessions<Data>({ store: memoryStore() });

const { middleware, sessionContext } = reactRouterSessions(sessions);
middleware satisfies MiddlewareFunction<Response>[];
export const loader = ({ context }: LoaderFunctionArgs): Partial<Data> =>
  context.get(sessionContext).data satisfies Partial<Data>;

const storage = reactRouterSessionStorage<Data, { error: string }>(sessions, { user: "views" });
storage satisfies SessionStorage<Data, { error: string }>;
export async function read(): Promise<void> {
  const session = await storage.getSession(null);
  session.get("views") satisfies number | undefined;
  session.get("error") satisfies string | undefined;
  // @ts-expect-error no such entry
  session.get("view");
  // @ts-expect-error not the entry's type
  session.set("views", "1");
}

/** SvelteKit's Handle, over an app's Locals. */
type Handle<Locals> = (input: {
  event: SvelteKitEvent & { locals: Locals; url: URL };
  resolve: (event: SvelteKitEvent & { locals: Locals; url: URL }, options?: { preload?: boolean }) => Promise<Response>;
}) => Response | Promise<Response>;

export const handle: Handle<{ session: Session<Data> }> = svelteKitSessions(sessions);
// @ts-expect-error App.Locals doesn't have the session
export const undeclared: Handle<{ user: string }> = svelteKitSessions(sessions);
// @ts-expect-error App.Locals has another session
export const other: Handle<{ session: Session<{ other: number }> }> = svelteKitSessions(sessions);
