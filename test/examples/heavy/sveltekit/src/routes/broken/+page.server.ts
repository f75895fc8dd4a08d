import { redirect } from "@sveltejs/kit";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals: { session }, url }) => {
  if (url.searchParams.has("save")) session.data.views = 1;
};

export const actions: Actions = {
  save: ({ locals: { session } }) => {
    session.data.views = 1;
  },
  saveAndLeave: ({ locals: { session } }) => {
    session.data.views = 1;
    redirect(303, "/");
  },
};
