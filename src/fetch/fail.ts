import type { Exchange } from "../core/exchange.ts";
import { errorStatus } from "../core/status.ts";
import { failed } from "./leave.ts";

/**
 * For frameworks that answer what middleware throws: throws the error on to them. But where its response must tell of what was saved before it, such as a
 * login's new id, which no error page of theirs would carry, it is logged and answered here.
 */
export function throwOrTell(exchange: Exchange<object>, error: unknown): Response {
  const { setCookie, setHeader } = exchange.abandon();
  if (setCookie === undefined && !setHeader) throw error;
  return failed(exchange, answerError(error));
}

/** Tells the app's `onError` of what broke a body off, and drops what it answers. */
export function reporter<At>(
  onError: ((error: unknown, at: At) => unknown) | undefined,
): (at: At) => (error: unknown) => void {
  if (!onError) return () => console.error;
  return (at) => async (error) => {
    try {
      await onError(error, at);
    } catch (second) {
      console.error(second);
    }
  };
}

/** Logs the error and answers its status: 500, or 503 for the store's. */
export function answerError(error: unknown): Response {
  console.error(error);
  const status = errorStatus(error);
  const text = status === 503 ? "Service Unavailable" : status < 500 ? "Error" : "Internal Server Error";
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
