import { json } from "@sveltejs/kit";
import type { RequestHandler } from "./$types";

export const GET: RequestHandler = ({ locals: { session } }) => {
  const { views = 0, a, b } = session.data;
  return json({ views, user: session.userId ?? null, a, b });
};

/** Each entry is saved by itself: of requests that overlap, none undoes another's. */
export const POST: RequestHandler = async ({ request, locals: { session } }) => {
  const { a, b } = (await request.json()) as { a?: string; b?: string };
  if (a !== undefined) session.data.a = a;
  if (b !== undefined) session.data.b = b;
  return new Response(null, { status: 204 });
};
