import { withSession } from "../../../sessions";

export const GET = withSession((session) => {
  const { views = 0, a, b } = session.data;
  return Response.json({ views, user: session.userId ?? null, a, b });
});

export const POST = withSession(async (session, request: Request) => {
  const { a, b } = (await request.json()) as { a?: string; b?: string };
  if (a !== undefined) session.data.a = a;
  if (b !== undefined) session.data.b = b;
  return new Response(null, { status: 204 });
});
