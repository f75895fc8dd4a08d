import { createRequire } from "node:module";
import express, { type RequestHandler } from "express";
import { describe, expect, it } from "vitest";
import { browser, serve } from "../browser.ts";
import { libraries, sessionOf } from "../libraries.ts";
import { CLIENT, logIn, serveProvider } from "./provider.ts";

const grant: { express(config: object): RequestHandler } = createRequire(import.meta.url)("grant");

declare module "express-session" {
  interface SessionData {
    grant?: { response?: { access_token?: string; raw?: object } };
  }
}

describe.each(libraries)("grant with %s", (_, session) => {
  it("finds the state of its flow again, and leaves the tokens in the session", async () => {
    const app = express();
    app.use(session({ secret: "the app's own", resave: false, saveUninitialized: false }));
    const origin = await serve(app);
    const issuer = await serveProvider(`${origin}/connect/local/callback`);
    app.use(
      grant.express({
        defaults: { origin, transport: "session", state: true },
        local: {
          authorize_url: `${issuer}/auth`,
          access_url: `${issuer}/token`,
          oauth: 2,
          key: CLIENT.id,
          secret: CLIENT.secret,
          scope: ["openid"],
          callback: "/",
        },
      }),
    );
    app.get("/", (request, response) => {
      response.json(sessionOf(request).grant?.response);
    });

    const ada = browser(origin);
    const answer = await logIn(ada, "/connect/local");
    expect(await answer.json()).toMatchObject({ access_token: expect.any(String), raw: { scope: "openid" } });
    expect(await (await ada.get("/")).json()).toMatchObject({ access_token: expect.any(String) });
  });
});
