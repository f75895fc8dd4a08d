import type { ServerResponse } from "node:http";
import { attempt, isPending } from "../core/after.ts";
import type { Exchange } from "./exchange.ts";

/**
 * A websocket's upgrade has no response; what hands it to middleware (engine.io, express-socket.io-session) makes up an object with some methods of
 * one, or with none. Its head leaves at once, so all that can be done is to set the cookie; the session is saved if it ever ends.
 */
export function holdPartial(
  response: Partial<Pick<ServerResponse, "writeHead" | "end" | "getHeader" | "setHeader">>,
  exchange: Exchange,
  fail: (error: unknown) => void,
): void {
  const { writeHead, end } = response as { [Method in "writeHead" | "end"]?: (...args: unknown[]) => unknown };
  let isHeadSet = false;
  const setHead = (): void => {
    if (isHeadSet) return;
    isHeadSet = true;
    const cookie = exchange.cookie();
    if (cookie === undefined) return;
    const before = (response.getHeader?.("Set-Cookie") ?? []) as string | string[];
    response.setHeader?.("Set-Cookie", [before, cookie].flat());
  };
  Object.assign(response, {
    writeHead(...args: unknown[]): unknown {
      setHead();
      return writeHead?.apply(response, args);
    },
    end(...args: unknown[]): unknown {
      const committed = attempt(() => exchange.commit());
      if (isPending(committed)) committed.then(() => end?.apply(response, args), fail);
      else end?.apply(response, args);
      return response;
    },
  });
}
