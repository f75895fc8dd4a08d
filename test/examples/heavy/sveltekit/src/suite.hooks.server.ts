import { redirect } from "@sveltejs/kit";
import { type Handle, type HandleServerError, sequence } from "@sveltejs/kit/hooks";
import { createSessions } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { svelteKitSessions } from "holdfast/sveltekit";
import { handle as example } from "./hooks.server";
import type { Data } from "./sessions.server";
import { suiteOf } from "./suite.server";

const down = (): never => {
  throw new Error("down");
};
const broken = svelteKitSessions(createSessions<Data>({ store: { ...memoryStore(), create: down } }));

/** Logs everybody in who comes by /gate, and sends them on: in each way that a hook has. */
const gate: Handle = async ({ event, resolve }) => {
  const { url, locals } = event;
  if (url.pathname !== "/gate") return resolve(event);
  await locals.session.login("guest");
  locals.session.data.views = 5;
  if (url.searchParams.has("response")) return new Response(null, { status: 303, headers: { location: "/" } });
  if (url.searchParams.has("late")) await resolve(event);
  redirect(303, "/");
};

const own = sequence(({ event, resolve }) => {
  const handle: Handle = event.url.pathname === "/broken" ? broken : example;
  return handle({ event, resolve });
}, gate);

export const handle: Handle = (input) => (suiteOf(input.event)?.handle ?? own)(input);

export const handleError: HandleServerError = ({ error, event }) => {
  const suite = suiteOf(event);
  if (suite) return suite.handleError(error);
  console.error(error);
};
