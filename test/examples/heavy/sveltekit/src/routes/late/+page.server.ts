import type { PageServerLoad } from "./$types";

/** Its promise comes after the page: the headers have left. */
export const load: PageServerLoad = ({ locals: { session } }) => {
  session.data.a = "early";
  const late = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return session.update("views", (n = 0) => n + 7);
  };
  return { late: late() };
};
