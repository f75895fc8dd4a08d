import { type ServerResponse, validateHeaderValue } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** A response of node:http, https, or the compatibility API of http2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What a response says of its body, beside `Content-…`: not true of the error that is sent in its place. */
const OF_THE_BODY = [
  "accept-ranges",
  "cache-control",
  "etag",
  "expires",
  "last-modified",
  "location",
  "trailer",
  "transfer-encoding",
];

/** HTTP/2's error code for "the server is at fault". */
const INTERNAL_ERROR = 2;

export function isHttp2(response: NodeResponse): response is Http2ServerResponse {
  return "stream" in response;
}

/** Makes a response that has not left ready for an error: its headers say nothing more of the body that it was to have. */
export function clearContent(response: NodeResponse): void {
  for (const name of response.getHeaderNames()) {
    if (OF_THE_BODY.includes(name) || /^content-(?!security-policy)/.test(name)) response.removeHeader(name);
  }
  if (!isHttp2(response)) response.statusMessage = "";
}

/** Breaks off a response whose head has left: all that can still tell the client of a failure. */
export function breakOff(response: NodeResponse): void {
  if (isHttp2(response)) response.stream.close(INTERNAL_ERROR);
  else response.destroy();
}

/**
 * Does at once what `writeHead` does but for sending: sets status, reason and headers, and throws what Node would throw. Node's overloads: a status,
 * perhaps a reason, perhaps headers: an object, a flat list of names and values, or a list of pairs.
 */
export function setHead(response: NodeResponse, [status, second, third]: readonly unknown[]): void {
  const reason = typeof second === "string" ? second : undefined;
  setStatus(response, status);
  if (reason !== undefined) response.statusMessage = reason;
  setHeaders(response, reason === undefined ? (second ?? third) : third);
  if (!isHttp2(response)) validateHeaderValue("statusMessage", response.statusMessage ?? "");
}

function setStatus(response: NodeResponse, status: unknown): void {
  const code = Number(status) | 0;
  // HTTP/2's setter does this itself.
  if (!isHttp2(response) && (code < 100 || code > 999)) {
    throw coded(new RangeError(`Invalid status code: ${status}`), "ERR_HTTP_INVALID_STATUS_CODE");
  }
  response.statusCode = code;
}

/** A header that is named here replaces one that was set before; named twice in a list, it is sent twice. */
function setHeaders(response: NodeResponse, headers: unknown): void {
  if (Array.isArray(headers)) {
    const pairs = toPairs(headers);
    for (const [name] of pairs) response.removeHeader(name);
    for (const [name, value] of pairs) response.appendHeader(name, value);
  } else if (headers) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  }
}

function toPairs(list: readonly unknown[]): [string, string][] {
  if (Array.isArray(list[0])) return list as [string, string][];
  if (list.length % 2 !== 0) {
    throw coded(new TypeError("The headers end with a name that has no value"), "ERR_INVALID_ARG_VALUE");
  }
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]] as [string, string]] : []));
}

/** What Node throws where a head is changed too late. */
export function headersSent(response: NodeResponse, what: string): Error {
  return isHttp2(response)
    ? coded(new Error("Response has already been initiated."), "ERR_HTTP2_HEADERS_SENT")
    : coded(new Error(`Cannot ${what} headers after they are sent to the client`), "ERR_HTTP_HEADERS_SENT");
}

/** What the callback gets of a piece that comes after the end. */
export function writeAfterEnd(): Error {
  return coded(new Error("write after end"), "ERR_STREAM_WRITE_AFTER_END");
}

const coded = (error: Error, code: string): Error => Object.assign(error, { code });
