import { defineHandler } from "nitro/h3";
import { session } from "../../sessions.ts";

export default defineHandler((event) => {
  const { data, userId } = session(event);
  const { views = 0, a, b } = data;
  return { views, user: userId ?? null, a, b };
});
