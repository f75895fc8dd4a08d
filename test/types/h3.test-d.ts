/** What h3's handlers see of the session's type. Checked by `npm run typecheck`. */
import { defineHandler, defineMiddleware, H3, type Middleware } from "h3";
import { createSessions, type Session } from "holdfast";
import { h3Sessions } from "holdfast/h3";
import { memoryStore } from "holdfast/stores/memory";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

const { middleware, session } = h3Sessions(createSessions<Data>({ store: memoryStore() }));
middleware satisfies Middleware;

const app = new H3({ onError: (_error, event) => session(event).flash("error") });
app.use(middleware);
app.use("/cart/**", middleware, { method: "POST" });
app.use(defineMiddleware((event, next) => (session(event).userId === undefined ? "Log in first." : next())));
app.get("/", async (event) => {
  same<ReturnType<typeof session>, Session<Data>>(true);
  const views = await session(event).update("views", (n = 0) => n + 1);
  same<typeof views, number>(true);
  // @ts-expect-error no such entry
  session(event).data.cuont;
  // Declared once, on SessionData (in session.test-d.ts).
  same<typeof event.context.session.data.theme, "dark" | "light" | undefined>(true);
});
app.get(
  "/cart",
  defineHandler<{ query: { id: string } }>((event) => session(event).data.cart),
);
