import { late } from "../../late.server";
import type { PageServerLoad } from "./$types";

/** Its promise comes after the page: the headers have left. */
export const load: PageServerLoad = ({ locals: { session } }) => {
  session.data.a = "early";
  return { late: late.promise.then(() => session.update("views", (n = 0) => n + 7)) };
};
