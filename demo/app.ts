import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import express, { type Express } from "express";
import { createSessions, type IndexedSessions, type IndexedStore } from "holdfast";
import { expressSessions } from "holdfast/express";
import { sqliteStore } from "holdfast/stores/sqlite";
import { productOf } from "./goods.ts";
import { failed, language, notFound, sameOrigin, secured } from "./guards.ts";
import { ABSOLUTE, IDLE } from "./life.ts";
import { liveRoutes } from "./live.ts";
import * as pages from "./pages.ts";
import { createTrace, type Trace } from "./trace.ts";
import { destination, field, textOf, visit } from "./visit.ts";

declare module "holdfast" {
  interface SessionData {
    /** The id of each item, as often as it was added. */
    cart: string[];
  }
}

export interface Shop {
  readonly url: string;
  close(): Promise<void>;
}

export async function start(options: { port: number; database: string; host?: string }): Promise<Shop> {
  const { port, database, host = "localhost" } = options;
  const trace = createTrace();
  const store = sqliteStore(database);
  const sessions = createSessions({ store: trace.store(store), idle: IDLE, absolute: ABSOLUTE });
  trace.events(sessions);

  const server = createServer(shop(sessions, store, trace)).listen(port, host);
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://localhost:${typeof address === "object" && address ? address.port : port}`,
    async close() {
      // Life pages hold their streams open for ever.
      server.close().closeAllConnections();
      await sessions.close();
    },
  };
}

/** More would not fit on the cart, nor into a record that stays quick. */
const MOST_ITEMS = 99;

function shop(sessions: IndexedSessions, store: IndexedStore, trace: Trace): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(secured);
  app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
  app.use(express.urlencoded({ extended: false }));
  app.use(sameOrigin);
  app.use(language);
  app.use(trace.requests);
  app.use(expressSessions(sessions));

  app.get("/", (req, res) => res.send(pages.shop(visit(req))));
  app.get("/cart", (req, res) => res.send(pages.cart(visit(req))));

  app.post("/cart", async (req, res) => {
    const product = productOf(field(req, "item"));
    if (!product) return res.redirect(303, "/");
    await req.session.update("cart", (cart = []) => [...cart, product.id].slice(-MOST_ITEMS));
    // The life page shows it all by itself.
    if (destination(field(req, "to")) === "/life") return res.redirect(303, "/life");
    const text = textOf(req);
    req.session.flash("note", text.added(text[product.id]));
    res.redirect(303, `/#${product.id}`);
  });

  app.post("/cart/remove", async (req, res) => {
    await req.session.update("cart", (cart = []) => {
      const at = cart.indexOf(field(req, "item"));
      return at < 0 ? cart : cart.toSpliced(at, 1);
    });
    res.redirect(303, "/cart");
  });

  app.post("/cart/order", async (req, res) => {
    if (req.session.data.cart?.length) {
      await req.session.update("cart", () => undefined);
      req.session.flash("note", textOf(req).ordered);
    }
    res.redirect(303, "/cart");
  });

  app.get("/sign-in", (req, res) => res.send(pages.signIn(visit(req), destination(req.query.to))));

  app.post("/sign-in", async (req, res) => {
    const name = (field(req, "regular") || field(req, "name")).slice(0, 40);
    if (name === "") return res.redirect(303, "/sign-in");
    // A shop of yours checks a passkey or a password here.
    await req.session.login(name, { remember: field(req, "remember") === "on" });
    req.session.flash("note", textOf(req).welcome(name));
    res.redirect(303, destination(field(req, "to")));
  });

  app.post("/sign-out", async (req, res) => {
    await req.session.destroy();
    res.redirect(303, destination(field(req, "to")));
  });

  app.get("/devices", async (req, res) => {
    const { userId, handle } = req.session;
    const list = userId === undefined ? [] : await sessions.list({ userId });
    res.send(pages.devices(visit(req), handle, list));
  });

  app.post("/devices/sign-out", async (req, res) => {
    // Only one's own: a handle is no secret, so knowing it must not be enough to end it.
    const ended = await sessions.revoke(field(req, "handle"), { userId: req.session.userId });
    if (ended) req.session.flash("note", textOf(req).deviceSignedOut);
    res.redirect(303, "/devices");
  });

  app.post("/devices/sign-out-others", async (req, res) => {
    const ended = await sessions.revokeAll({ userId: req.session.userId, except: req.session });
    if (ended > 0) req.session.flash("note", textOf(req).othersSignedOut(ended));
    res.redirect(303, "/devices");
  });

  liveRoutes(app, store, trace);
  app.use(notFound);
  app.use(failed);
  return app;
}
