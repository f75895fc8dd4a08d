import { defineMiddleware } from "nitro/h3";
import { suite } from "../suite.ts";

/** Before the example's own, which leaves a request alone that has a session. */
export default defineMiddleware((event, next) => suite()?.middleware(event, next) ?? next());
