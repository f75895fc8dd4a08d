import { defineHandler, HTTPError, readBody, redirect } from "nitro/h3";
import { session } from "../sessions.ts";

export default defineHandler(async (event) => {
  const form = await readBody<{ user?: string }>(event);
  if (!form?.user) throw new HTTPError({ status: 400, message: "Who are you?" });
  await session(event).login(form.user); // once you have checked the password
  return redirect("/", 303);
});
