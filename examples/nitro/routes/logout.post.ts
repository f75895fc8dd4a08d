import { defineHandler, redirect } from "nitro/h3";
import { session } from "../sessions.ts";

export default defineHandler(async (event) => {
  await session(event).destroy();
  return redirect("/", 303);
});
