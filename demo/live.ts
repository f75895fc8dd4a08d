import type { Express, Request } from "express";
import type { IndexedStore } from "holdfast";
import { card, type Life, life, sides } from "./life.ts";
import { type Exchange, STREAM, shownCookie, type Trace } from "./trace.ts";
import { textOf, visit } from "./visit.ts";

/** The life page and its stream. `store` is read beside the trace: what the page itself looks up is no part of the story. */
export function liveRoutes(app: Express, store: IndexedStore, trace: Trace): void {
  async function lifeOf(req: Request): Promise<Life> {
    const { handle, isNew } = req.session;
    return {
      origin: `${req.protocol}://${req.host}`,
      cookie: shownCookie(req.headers.cookie),
      setCookie: isNew ? undefined : trace.of(handle).findLast(({ setCookie }) => setCookie)?.setCookie,
      record: isNew ? undefined : await store.read(handle),
    };
  }

  app.get("/life", async (req, res) => {
    const visitor = visit(req);
    // What this page takes out of the session (its messages) has left the record before that is read.
    await req.session.save();
    const moment = await lifeOf(req);
    res.send(life(visitor, moment, moment.record ? trace.of(req.session.handle) : []));
  });

  app.post("/life/new-id", async (req, res) => {
    await req.session.regenerate();
    res.redirect(303, "/life");
  });

  app.get(STREAM, async (req, res) => {
    const opened = (await lifeOf(req)).record?.secretHash;
    // From this answer an EventSource knows not to come again.
    if (!opened) return res.sendStatus(204);
    const text = textOf(req);

    const send = (event: string, data: unknown, id?: number): boolean =>
      res.write(`${id ? `id: ${id}\n` : ""}event: ${event}\n${String(data).replace(/^/gm, "data: ")}\n\n`);

    const tell = async (...exchanges: Exchange[]): Promise<void> => {
      const moment = await lifeOf(req);
      const { record } = moment;
      if (res.writableEnded || res.destroyed) return;
      for (const exchange of exchanges) send("exchange", card(text, exchange), exchange.id);
      // A stream outlives the id that opened it. Its holder has to come again, with the new one.
      if (!record) send("ended", "");
      if (record?.secretHash !== opened) return void res.end();
      send("sides", sides(text, moment));
      send("count", (JSON.parse(record.entries.get("cart") ?? "[]") as unknown[]).length);
    };

    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    res.write("retry: 200\n\n");
    const seen = Number(req.get("last-event-id") ?? req.query.after);
    const missed = trace.of(req.session.handle).filter(({ id }) => id > seen);
    const unfollow = trace.follow(req.session.handle, (exchange) => {
      tell(exchange).catch(() => res.destroy());
    });
    res.once("close", unfollow);
    await tell(...missed);
  });
}
