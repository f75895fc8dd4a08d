import { defineHandler, noContent, readBody } from "nitro/h3";
import { session } from "../../sessions.ts";

/** Each entry is saved by itself: of requests that overlap, none undoes another's. */
export default defineHandler(async (event) => {
  const { a, b } = (await readBody<{ a?: string; b?: string }>(event)) ?? {};
  const { data } = session(event);
  if (a !== undefined) data.a = a;
  if (b !== undefined) data.b = b;
  return noContent();
});
