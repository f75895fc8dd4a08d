import type { Store } from "express-session";
import type { Library } from "../libraries.ts";

/** How a store package without types of its own is used: `new (connectPgSimple(session))(options)`. */
export type BuildStore<Built extends Store = Store> = (
  library: Library,
) => new (
  options: object,
  connection?: object,
) => Built;
