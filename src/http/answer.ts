import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import { errorStatus } from "../core/status.ts";
import { breakOff, clearContent, type NodeResponse } from "./response.ts";

/** Answers with the status of an error and no word of it, where nobody else does; breaks the connection off where headers have left. */
export function answerStatus(response: NodeResponse, error: unknown): void {
  if (response.headersSent) {
    if (!response.writableEnded) breakOff(response);
    return;
  }
  clearContent(response);
  response.statusCode = errorStatus(error);
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  // The two response types share `end`, but not one signature of it.
  (response as ServerResponse).end(`${STATUS_CODES[response.statusCode]}\n`);
}
