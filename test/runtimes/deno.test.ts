import { groups } from "./groups/deno.ts";
import { runInside } from "./run.ts";

const options = ["run", "--allow-net=127.0.0.1", "--allow-read", "--allow-write", "--quiet", "--no-prompt"];
runInside({ need: "Deno", options, conditions: ["deno", "node"], entry: "deno", groups });
