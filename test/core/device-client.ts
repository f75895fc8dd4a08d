import type { DeviceAnswer, Exchange, Session, Sessions } from "holdfast";
import { challengeIn, type Device, proving, registering } from "../security/device.ts";
import { head } from "./client.ts";

/** A browser on https, with its cookies and a device that signs for it; it speaks to the core without HTTP between. */
export class DeviceBrowser<Data extends object> {
  jar: Map<string, string> = new Map();
  readonly #sessions: Sessions<Data>;
  readonly #device: Device;

  constructor(sessions: Sessions<Data>, device: Device) {
    this.#sessions = sessions;
    this.#device = device;
  }

  /** Whoever copied the cookies. */
  copy(): DeviceBrowser<Data> {
    const copy = new DeviceBrowser(this.#sessions, this.#device);
    copy.jar = new Map(this.jar);
    return copy;
  }

  get handle(): string {
    return this.jar.get("__Host-sid")!.split(".")[0]!;
  }

  get cookie(): string {
    return [...this.jar].map((pair) => pair.join("=")).join("; ");
  }

  #head(headers: Record<string, string | undefined> = {}) {
    return { ...head({ cookie: this.cookie, host: "shop.test", ...headers }, true), method: "POST" };
  }

  keep(setCookie: string | undefined): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(setCookie ?? "") ?? [];
    if (name && value) this.jar.set(name, value);
    else if (name) this.jar.delete(name);
  }

  async open(): Promise<Exchange<Data>> {
    return this.#sessions.open(this.#head());
  }

  /** A request, and what its response says beside the cookie. */
  async request<T>(handle: (session: Session<Data>) => T | Promise<T>) {
    const exchange = await this.open();
    const value = await handle(exchange.session);
    const { setCookie, beside = [] } = await exchange.commit();
    this.keep(setCookie);
    return { value, setCookie, headers: Object.fromEntries(beside) };
  }

  user(): Promise<string | undefined> {
    return this.request(({ userId }) => userId).then(({ value }) => value);
  }

  /** Answers what the login's response asks the browser for. */
  async login(userId = "ada"): Promise<string | undefined> {
    const { headers } = await this.request((session) => session.login(userId));
    return headers["Secure-Session-Registration"];
  }

  /** A request of the browser's own. */
  async bind(headers: Record<string, string>): Promise<DeviceAnswer> {
    const answer = await this.#sessions.bindDevice!(this.#head(headers));
    this.keep(answer.headers["Set-Cookie"]);
    return answer;
  }

  async register(by = this.#device): Promise<DeviceAnswer> {
    return this.bind(await registering(by, challengeIn(await this.login())));
  }

  /** What the browser sends to prove itself, once it has asked for the challenge. */
  async proof(): Promise<Record<string, string>> {
    const { headers } = await this.bind(await proving(this.handle));
    return proving(this.handle, this.#device, challengeIn(headers["Secure-Session-Challenge"]));
  }

  /** The whole dance: without a challenge, then with the one that came. */
  async refresh(by = this.#device, handle = this.handle): Promise<DeviceAnswer> {
    const asked = await this.bind(await proving(handle));
    if (asked.status !== 403) return asked;
    return this.bind(await proving(handle, by, challengeIn(asked.headers["Secure-Session-Challenge"])));
  }
}
