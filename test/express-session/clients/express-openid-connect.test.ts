import express from "express";
import openid from "express-openid-connect";
import { describe, expect, it } from "vitest";
import { browser, serve } from "../browser.ts";
import { libraries } from "../libraries.ts";
import { CLIENT, logIn, serveProvider } from "./provider.ts";

describe.each(libraries)("express-openid-connect with a store of %s", (_, { MemoryStore }) => {
  it("keeps a login in the store, and ends it there", async () => {
    const app = express();
    const origin = await serve(app);
    const store: object = new MemoryStore(); // by its types, `openid` asks for one that holds its own data alone
    app.use(
      openid.auth({
        issuerBaseURL: await serveProvider(`${origin}/callback`),
        baseURL: origin,
        clientID: CLIENT.id,
        clientSecret: CLIENT.secret,
        clientAuthMethod: "client_secret_post",
        secret: "the app's own, and long",
        authRequired: false,
        authorizationParams: { response_type: "code", response_mode: "query", scope: "openid" },
        session: { store: store as openid.SessionStore<openid.Session> },
      }),
    );
    app.get("/", ({ oidc }, response) => {
      response.json(oidc.user?.sub ?? "nobody");
    });

    const ada = browser(origin);
    expect(await (await ada.get("/")).json()).toBe("nobody");
    expect(await (await logIn(ada, "/login")).json()).toBe("ada");
    const thief = browser(origin, new Map(ada.cookies));
    expect(await (await thief.get("/")).json()).toBe("ada");

    expect(await (await ada.get("/logout")).json()).toBe("nobody");
    expect(await (await thief.get("/")).json()).toBe("nobody");
  });
});
