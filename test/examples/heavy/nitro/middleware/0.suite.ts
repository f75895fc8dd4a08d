import { defineMiddleware } from "nitro/h3";
import { suite } from "../suite.ts";

/** In the place of the example's own, and of its routes: a request has one app's session. */
export default defineMiddleware((event, next) => {
  const app = suite();
  return app ? app.middleware(event, () => app.answer(event)) : next();
});
