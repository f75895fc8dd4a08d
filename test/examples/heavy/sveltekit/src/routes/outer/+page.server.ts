import type { PageServerLoad } from "./$types";

/** The endpoint is the same session's, though the server asks it. */
export const load: PageServerLoad = async ({ locals: { session }, fetch }) => {
  session.data.a = "outer";
  const inner = await (await fetch("/inner", { method: "POST" })).text();
  return { inner, b: session.data.b };
};
