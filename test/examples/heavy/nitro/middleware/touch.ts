import { defineMiddleware } from "nitro/h3";
import { session } from "../sessions.ts";

/** After the example's own. */
export default defineMiddleware((event) => {
  if (["/nowhere/touched", "/cached"].includes(event.url.pathname)) session(event).data.views = 5;
});
