/** What Hono's handlers see of the session's type. Checked by `npm run typecheck`. */

import { createSessions, type Session } from "holdfast";
import { type HonoSessionsEnv, honoSessions } from "holdfast/hono";
import { memoryStore } from "holdfast/stores/memory";
import { Hono } from "hono";
import { createFactory } from "hono/factory";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

const sessions = createSessions<Data>({ store: memoryStore() });

// From one `use` to the next, beside the app's own variables.
new Hono<{ Variables: { user: string } }>()
  .use(honoSessions(sessions))
  .get("/", async (c) => {
    same<typeof c.var.session, Session<Data>>(true);
    c.get("session") satisfies Session<Data>;
    c.var.user satisfies string;
    const views = await c.var.session.update("views", (n = 0) => n + 1);
    same<typeof views, number>(true);
    // @ts-expect-error no such entry
    c.var.session.data.cuont;
    return c.json({ views });
  })
  .route(
    "/cart",
    new Hono<HonoSessionsEnv<Data>>().get("/", (c) => c.json(c.var.session.data.cart ?? [])),
  );

// By the app's type, for handlers in files of their own.
const app = new Hono<HonoSessionsEnv<Data>>();
app.use(honoSessions(sessions));
app.get("/", (c) => c.text(`${c.var.session.data.views}`));
app.onError((error, c) => c.text(c.var.session.flash("error").join(error.message)));

// On one route, and by Hono's factory.
new Hono().get("/", honoSessions(sessions), (c) => c.text(`${c.var.session.data.views?.toFixed()}`));
createFactory<HonoSessionsEnv<Data>>().createHandlers(honoSessions(sessions), (c) => c.json(c.var.session.data));
