"use server";

import { refresh } from "next/cache";
import { redirect } from "next/navigation";
import { withSession } from "../sessions";

export const add = withSession(async (session) => {
  await session.update("views", (n = 0) => n + 1);
  // The page shows what was changed.
  refresh();
});

export const login = withSession(async (session, form: FormData) => {
  await session.login(String(form.get("user")));
  redirect("/");
});

export const logout = withSession(async (session) => {
  await session.destroy();
  redirect("/");
});
