import { groups } from "./groups/bun.ts";
import { runInside } from "./run.ts";

runInside({ need: "Bun", conditions: ["bun", "node"], entry: "bun", groups });
