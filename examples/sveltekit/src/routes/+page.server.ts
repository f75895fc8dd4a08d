import { fail, redirect } from "@sveltejs/kit";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals: { session } }) => ({
  user: session.userId,
  views: session.data.views ?? 0,
  notices: session.flash("notice"),
});

export const actions: Actions = {
  add: async ({ locals: { session } }) => {
    await session.update("views", (n = 0) => n + 1);
    redirect(303, "/");
  },
  login: async ({ request, locals: { session } }) => {
    const user = (await request.formData()).get("user");
    if (typeof user !== "string" || user === "") return fail(400, { error: "Who are you?" });
    await session.login(user);
    session.flash("notice", `Welcome, ${user}.`);
    redirect(303, "/");
  },
  logout: async ({ locals: { session } }) => {
    await session.destroy();
    redirect(303, "/");
  },
};
