/** What Koa's handlers see of the session's type. Checked by `npm run typecheck`. */
import { createSessions } from "holdfast";
import { type KoaSessionContext, koaSessions } from "holdfast/koa";
import { memoryStore } from "holdfast/stores/memory";
import Koa from "koa";
import { same } from "./same.ts";

interface Data {
  cart: string[];
  views: number;
}

const sessions = createSessions<Data>({ store: memoryStore() });

// By the app's type, or from one `use` to the next.
const koa = new Koa<Koa.DefaultState, KoaSessionContext<Data>>();
koa.use(koaSessions(sessions));
koa.use(async (ctx) => {
  same<typeof ctx.session.data, Partial<Data>>(true);
  ctx.body = await ctx.session.update("views", (n = 0) => n + 1);
  // @ts-expect-error no such entry
  ctx.session.data.cuont;
  // @ts-expect-error null ends the session; nothing else can be assigned
  ctx.session = { views: 1 };
  ctx.session = null;
});
new Koa<{ user: string }>().use(koaSessions(sessions)).use((ctx) => {
  same<typeof ctx.session.data, Partial<Data>>(true);
  ctx.state.user satisfies string;
  ctx.session.data.cart = [ctx.get("x-tea")];
  ctx.session = null;
});
new Koa().use(koaSessions(createSessions({ store: memoryStore() })));
