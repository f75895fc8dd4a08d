import type { Handle } from "@sveltejs/kit/hooks";
import { svelteKitSessions } from "holdfast/sveltekit";
import { building } from "$app/env";
import { sessions } from "./sessions.server";

export const handle: Handle = svelteKitSessions(sessions, { building });
