import { redirect } from "next/navigation";
import { withSession } from "../../sessions";

export const POST = withSession(async (session) => {
  await session.login("ada");
  redirect("/forms");
});
