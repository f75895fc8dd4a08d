import type { Sessions } from "holdfast";
import { fetchSessions } from "holdfast/fetch";
import type { AdapterApp, AppHeaders, AppReply } from "holdfast/testing";

/** The suite's app behind `fetchSessions`: what Bun.serve, Deno.serve and Workers are given. */
export function handlerOf(
  sessions: Sessions<Record<string, unknown>>,
  app: AdapterApp,
): (request: Request) => Promise<Response> {
  return fetchSessions(
    sessions,
    async (request, session) => responseOf(await app.handle(appRequest(request), session)),
    { onError: (error) => responseOf(app.onError(error)) },
  );
}

export const appRequest = ({ method, url, body }: Request) => ({
  method,
  path: new URL(url).pathname,
  body: (body ?? []) as unknown as AsyncIterable<Uint8Array>,
});

export function responseOf(reply: AppReply): Response {
  switch (reply.kind) {
    case "send":
      return new Response(reply.body ?? null, { status: reply.status, headers: headersOf(reply.headers) });
    case "redirect":
      return new Response(null, { status: 302, headers: { location: reply.location } });
    case "stream":
      return new Response(bytes(reply.chunks), { headers: headersOf(reply.headers) });
  }
}

function headersOf(given: AppHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) for (const each of [value].flat()) headers.append(name, each);
  return headers;
}

function bytes(chunks: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(new TextEncoder().encode(value));
    },
    cancel: async () => void (await iterator.return?.()),
  });
}
