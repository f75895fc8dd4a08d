import { adapterCases } from "holdfast/testing";
import type { Groups } from "../groups.ts";
import { withNodeModules } from "../process.ts";
import { serveNodeHttp } from "../serve/node.ts";

export const groups: Groups = {
  ...withNodeModules,
  "nodeSessions on node:http": adapterCases(serveNodeHttp),
};
