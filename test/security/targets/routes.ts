import type { AppReply } from "holdfast/testing";
import type { Reply, Routes } from "../target.ts";

const text = (body: string): Reply => ({ headers: { "content-type": "text/plain" }, body });

/** What most probes need. `POST /x` leaves the entry `x`. */
export const commonRoutes: Routes = {
  "GET /plain": () => text("plain"),
  "GET /data": ({ session }) => text(JSON.stringify(session.all())),
  "GET /user": ({ session }) => text(session.user() ?? "nobody"),
  "GET /new": ({ session }) => text(String(session.isNew())),
  "POST /plain": () => text("plain"),
  "POST /a": ({ session }) => {
    session.set("a", 1);
    return text("a");
  },
  "POST /b": ({ session }) => {
    session.set("b", 2);
    return text("b");
  },
  "POST /login": async ({ session, body }) => {
    await session.login((await body()) || "ada");
    return { location: "/user" };
  },
  "POST /logout": async ({ session }) => {
    await session.logout();
    return { location: "/plain" };
  },
  "POST /rotate": async ({ session }) => {
    await session.rotate();
    return text("rotated");
  },
};

export function replyOf({ status, headers = {}, body = "", location }: Reply): AppReply {
  return location === undefined
    ? { kind: "send", status: status ?? 200, headers, body }
    : { kind: "redirect", location };
}
