import { cookies, headers } from "next/headers";

type Suite = (request: Request, next: { cookies: typeof cookies; headers: typeof headers }) => Promise<Response>;

/** The test's own process runs Next, and has left its handler here. */
const handle = (request: Request): Promise<Response> =>
  (globalThis as unknown as { holdfastSuite: Suite }).holdfastSuite(request, { cookies, headers });

export { handle as DELETE, handle as GET, handle as POST, handle as PUT };
