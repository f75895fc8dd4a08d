import { defineNitroPlugin } from "nitro/runtime";
import { sessions } from "../sessions.ts";

/** Where the server stops, the store's file is closed. */
export default defineNitroPlugin(({ hooks }) => {
  hooks.hook("close", () => sessions.close());
});
