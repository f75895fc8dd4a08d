import { defineHandler, redirect } from "nitro/h3";
import { session } from "../sessions.ts";

export default defineHandler(async (event) => {
  await session(event).update("views", (n = 0) => n + 1); // exact, whatever overlaps
  return redirect("/", 303);
});
