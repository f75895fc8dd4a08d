import { defineHandler, fromNodeHandler, getRouterParam, HTTPError, HTTPResponse } from "nitro/h3";
import { session } from "../../sessions.ts";

const shared = new Response(null, { status: 204 });
const sharedMiss = new Response("missed", { status: 404 });
const byNode = fromNodeHandler((_request, response) => void response.end("by Node"));

export default defineHandler(async (event) => {
  const own = session(event);
  event.res.headers.append("set-cookie", "app=1");
  switch (getRouterParam(event, "how")) {
    case "shared":
      own.data.views ??= 5;
      return shared;
    case "missed":
      own.data.views ??= 5;
      return sharedMiss.clone();
    case "missed-stream":
      own.data.views ??= 5;
      return new Response(stream(), { status: 404, statusText: "Not Here", headers: { "x-own": "1", vary: "Origin" } });
    case "streamed":
      own.data.views ??= 5;
      return stream();
    case "response":
      own.data.views ??= 5;
      return new HTTPResponse(stream(), { status: 201, headers: { "x-own": "1", vary: "Origin" } });
    case "login-and-throw":
      await own.login("ada");
      own.data.views = 7;
      throw new HTTPError({ status: 402, message: "Pay first" });
    case "login-and-miss":
      await own.login("ada");
      throw new HTTPError({ status: 404, message: "Gone" });
    case "login-and-break":
      await own.login("ada");
      throw new Error("broken");
    case "by-node":
      own.data.views = 5;
      return byNode(event);
    case "unsavable":
      event.res.status = 201;
      event.res.headers.set("etag", '"1"');
      Object.assign(own.data, { a: 1n });
      return "saved";
    default:
      return undefined;
  }
});

/** Of what comes later, as a file would. */
function stream(): ReadableStream<Uint8Array> {
  const chunks = ["str", "eam"];
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
}
