import { adapterCases } from "holdfast/testing";
import { everywhere, type Groups } from "../groups.ts";
import { serveNodeHttp } from "../serve/node.ts";
import { sqlite } from "../sqlite.ts";

export const groups: Groups = {
  ...everywhere,
  ...sqlite,
  "nodeSessions on node:http": adapterCases(serveNodeHttp),
};
