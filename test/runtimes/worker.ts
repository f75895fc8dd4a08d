/** The Worker of `workerd.test.ts`. It runs the case that a request names, in that request, and is the server that the suite speaks to. */
import { type Environment, groupsOf } from "./groups/workerd.ts";
import type { Groups } from "./groups.ts";
import { failure } from "./report.ts";
import { answerOf, type WorkerContext } from "./serve/worker.ts";

let groups: Groups | undefined;

export default {
  async fetch(request: Request, env: Environment, context: WorkerContext): Promise<Response> {
    const answer = answerOf(request, context);
    if (answer) return answer;
    groups ??= groupsOf(env);
    const { group, name } = (await request.json()) as { group: string; name: string };
    const found = groups[group]?.find((one) => one.name === name);
    return Response.json({ error: found ? await failure(found.run) : "There is no such case." });
  },
};
