import { error, fail } from "@sveltejs/kit";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals: { session } }) => ({
  user: session.userId,
  views: session.data.views ?? 0,
});

export const actions: Actions = {
  addAndMiss: ({ locals: { session } }) => {
    session.data.views = 10;
    error(404);
  },
  loginAndFail: async ({ locals: { session } }) => {
    await session.login("ada");
    return fail(400);
  },
};
