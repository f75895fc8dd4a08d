"use server";

import { notFound } from "next/navigation";
import { session as read, withSession } from "../../sessions";

export const addAndMiss = withSession(async (session) => {
  session.data.views = 10;
  notFound();
});

export const loginAndFail = withSession(async (session) => {
  await session.login("ada");
  session.data.views = 99;
  throw new Error("after the login");
});

/** No redirect: the same request renders the page. */
export const loginAndStay = withSession(async (session) => {
  await session.login("ada");
});

const inner = withSession(async (session) => {
  session.data.a = "inner";
  await session.login("ada");
});

export const nested = withSession(async (session) => {
  session.data.views = 1;
  await inner();
  // What the inner one left is seen, also by who only reads.
  session.data.b = `${session.userId} ${session.data.a} ${(await read()).userId}`;
});
