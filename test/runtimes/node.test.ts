import { groups } from "./groups/node.ts";
import { runInside } from "./run.ts";

// What the other tests run on is Node 24.
for (const need of ["Node 22", "Node 26"] as const) runInside({ need, conditions: ["node"], entry: "node", groups });
