export { middleware as default } from "../sessions.ts";
