import { attempt, isPending } from "../core/after.ts";
import type { HeaderEdits } from "../core/reply.ts";
import type { NodeResponse } from "../http/response.ts";
import type { Exchange } from "./exchange.ts";

/**
 * A websocket's upgrade has no response; what hands it to middleware (engine.io, express-socket.io-session) makes up an object with some methods of
 * one, or with none. Its head leaves at once, so all that can be done is to set the cookie; the session is saved if it ever ends.
 */
export function holdPartial(
  response: Partial<Pick<NodeResponse, "writeHead" | "end" | "getHeader" | "setHeader">>,
  exchange: Exchange,
  fail: (error: unknown) => void,
): void {
  const { writeHead, end } = response as { [Method in "writeHead" | "end"]?: (...args: unknown[]) => unknown };
  let isHeadSet = false;
  const setHead = (cookie: string | undefined): void => {
    isHeadSet = true;
    if (cookie === undefined) return;
    const before = (response.getHeader?.("Set-Cookie") ?? []) as string | string[];
    response.setHeader?.("Set-Cookie", [before, cookie].flat());
  };
  Object.assign(response, {
    writeHead(...args: unknown[]): unknown {
      if (!isHeadSet) setHead(exchange.cookie());
      return writeHead?.apply(response, args);
    },
    end(...args: unknown[]): unknown {
      const leave = ({ setCookie }: HeaderEdits): void => {
        if (!isHeadSet) setHead(setCookie);
        end?.apply(response, args);
      };
      const edits = attempt(() => exchange.commit());
      if (isPending(edits)) edits.then(leave, fail);
      else leave(edits);
      return response;
    },
  });
}
