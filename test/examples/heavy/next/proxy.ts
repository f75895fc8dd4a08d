import { type NextRequest, NextResponse } from "next/server";
import { withSession } from "./sessions";

/** Logs everybody in who comes by /gate; sends on who comes by /gate/back. */
export const proxy = withSession(async (session, request: NextRequest) => {
  await session.login("guest");
  return request.nextUrl.pathname === "/gate" ? NextResponse.next() : NextResponse.redirect(new URL("/", request.url));
});

export const config = { matcher: ["/gate/:path*"] };
