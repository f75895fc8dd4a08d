/** Sessions in Cloudflare Workers, kept in D1: a counter, a login and a logout. */
import { env } from "cloudflare:workers";
import { createSessions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import { d1Store } from "holdfast/stores/d1";
import { page } from "./page.ts";

interface Data {
  views: number;
  a: string;
  b: string;
}

// Once for each isolate. Nothing is read or written before a request comes.
const sessions = createSessions<Data>({ store: d1Store(env.DB) });

const home = () => new Response(null, { status: 303, headers: { location: "/" } });

const handler = fetchSessions(sessions, async (request, session) => {
  const { data, userId } = session;
  switch (`${request.method} ${new URL(request.url).pathname}`) {
    case "GET /":
      return page(data.views ?? 0, userId);
    case "POST /add":
      await session.update("views", (n = 0) => n + 1); // exact, whatever overlaps
      return home();
    case "POST /login": {
      const user = (await request.formData()).get("user");
      await session.login(String(user)); // once you have checked the password
      return home();
    }
    case "POST /logout":
      await session.destroy();
      return home();
    case "GET /api/data": {
      const { views = 0, ...others } = data;
      return Response.json({ ...others, views, user: userId ?? null });
    }
    case "POST /api/data": {
      const { a, b } = (await request.json()) as Partial<Data>;
      if (a !== undefined) data.a = a;
      if (b !== undefined) data.b = b;
      return new Response(null, { status: 204 });
    }
  }
  return new Response("There is no such page.", { status: 404 });
});

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

export default {
  fetch(request: Request, _env: unknown, context: Context): Promise<Response> {
    const response = handler(request);
    // Workers cut a request off whose client leaves. What it has begun, it shall end.
    context.waitUntil(response);
    return response;
  },
  /** By the cron trigger of wrangler.jsonc. */
  async scheduled(): Promise<void> {
    await sessions.sweep();
  },
};
