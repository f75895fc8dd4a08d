import { sessionContext } from "../sessions.server";
import type { Route } from "./+types/data";

export function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  const { views = 0, a, b } = session.data;
  return Response.json({ views, user: session.userId ?? null, a, b });
}

/** Each entry is saved by itself: of requests that overlap, none undoes another's. */
export async function action({ request, context }: Route.ActionArgs) {
  const session = context.get(sessionContext);
  const { a, b } = (await request.json()) as { a?: string; b?: string };
  if (a !== undefined) session.data.a = a;
  if (b !== undefined) session.data.b = b;
  return new Response(null, { status: 204 });
}
