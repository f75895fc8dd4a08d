/** Starts nginx, three app processes and what they share, until Ctrl-C: `node examples/cluster/start.ts [redis|postgres]`. */
import { startNamed } from "./local/cluster.ts";

const { url, backend, apps } = await startNamed(process.argv[2]);
console.log(`${url}: nginx before ${apps.length} app processes, on ${backend.name}. Ctrl-C ends them all.

  curl -c jar -H content-type:application/json -d '{"user":"ada"}' ${url}/login
  curl -b jar -H content-type:application/json -d '{"item":"tea"}' ${url}/items
  curl -b jar ${url}/me`);
