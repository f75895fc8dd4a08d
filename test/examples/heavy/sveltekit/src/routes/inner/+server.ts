import { text } from "@sveltejs/kit";
import type { RequestHandler } from "./$types";

export const POST: RequestHandler = ({ locals: { session } }) => {
  session.data.b = "inner";
  return text(`saw ${session.data.a}`);
};
