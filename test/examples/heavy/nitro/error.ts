import type { HTTPError } from "nitro/h3";
import { suite } from "./suite.ts";

/** Where it answers nothing, as its type in Nitro would not have it, Nitro's own handler does. */
export default (error: HTTPError): Response | undefined => suite()?.onError(error);
