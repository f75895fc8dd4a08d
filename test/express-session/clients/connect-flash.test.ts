import flash from "connect-flash";
import express from "express";
import { describe, expect, it } from "vitest";
import { browser, serve } from "../browser.ts";
import { libraries } from "../libraries.ts";

describe.each(libraries)("connect-flash with %s", (_, session) => {
  it("shows a message on the page that a redirect leads to, and only once", async () => {
    const app = express();
    app.use(session({ secret: "the app's own", resave: false, saveUninitialized: false }), flash());
    app.post("/order", (request, response) => {
      request.flash("info", "Thank you.");
      request.flash("info", "It is on its way.");
      response.redirect("/");
    });
    app.get("/", (request, response) => {
      response.json(request.flash("info"));
    });

    const ada = browser(await serve(app));
    expect(await (await ada.post("/order")).json()).toEqual(["Thank you.", "It is on its way."]);
    expect(await (await ada.get("/")).json()).toEqual([]);
  });
});
