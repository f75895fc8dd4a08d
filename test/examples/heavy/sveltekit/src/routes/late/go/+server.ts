import { late } from "../../../late.server";
import type { RequestHandler } from "./$types";

export const GET: RequestHandler = () => {
  late.resolve();
  return new Response(null, { status: 204 });
};
