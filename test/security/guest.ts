import { type Answer, type Call, type Speak, speakHttp1, Visitor } from "../../src/testing/adapters/client.ts";
import type { Scan } from "./scan.ts";

/** A visitor of an app: keeps its cookie, and shows the scan what came. */
export class Guest extends Visitor {
  readonly #url: string;
  readonly #name: string;
  readonly #scan: Scan;
  readonly #speak: Speak;

  /** `name` is that of the session's cookie. */
  constructor(url: string, name: string, scan: Scan, speak: Speak = speakHttp1) {
    super(url, speak);
    this.#url = url;
    this.#name = name;
    this.#scan = scan;
    this.#speak = speak;
  }

  /** The id in its cookie, as the library formats it. */
  get id(): string {
    const pair = this.cookie
      .split("; ")
      .find((each) => each.replace(/^__(Host|Secure)-/, "").startsWith(`${this.#name}=`));
    return decodeURIComponent(pair?.slice(pair.indexOf("=") + 1) ?? "");
  }

  /** Sends a body by POST. */
  send(path: string, body: string): Promise<Answer> {
    const call = this.begin("POST", path, {
      "content-type": "text/plain",
      "content-length": String(Buffer.byteLength(body)),
    });
    call.write(body);
    call.end();
    return this.finish(call);
  }

  /** Begins a POST without a body; its answer is for `finish`. */
  start(path: string): Call {
    const call = this.begin("POST", path, { "content-length": "0" });
    call.end();
    return call;
  }

  /** Another browser, with a copy of the cookies. */
  copy(): Guest {
    const copy = this.stranger();
    copy.cookie = this.cookie;
    return copy;
  }

  /** Another browser, which sends this Cookie header. */
  stranger(cookie = ""): Guest {
    const stranger = new Guest(this.#url, this.#name, this.#scan, this.#speak);
    stranger.cookie = cookie;
    return stranger;
  }

  override async finish(call: Call): Promise<Answer> {
    const answer = await super.finish(call);
    for (const cookie of answer.cookies) this.#scan.issued(cookie);
    this.#scan.heard("body", answer.text);
    this.#scan.heard("Location", answer.get("location"));
    for (const [name, value] of answer.headers) if (name !== "set-cookie") this.#scan.heard(name, value);
    return answer;
  }
}
