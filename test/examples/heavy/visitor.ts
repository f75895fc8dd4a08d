/** What an example's page says. */
export interface Page {
  readonly views: number;
  readonly user: string;
}

/** A browser without scripts, with one cookie. */
export class Visitor {
  readonly #url: string;
  cookie: string | undefined;
  lastSetCookie: string | undefined;

  constructor(url: string, cookie?: string) {
    this.#url = url;
    this.cookie = cookie;
  }

  /** Follows no redirect by itself. `Origin` and `Accept` are a browser's, and the third header a proxy's: frameworks look at them. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("origin", this.#url);
    headers.set("x-forwarded-proto", "http");
    headers.set("accept", "text/html,*/*;q=0.8");
    if (this.cookie) headers.set("cookie", this.cookie);
    const response = await fetch(new URL(path, this.#url), { ...init, headers, redirect: "manual" });
    const set = response.headers.getSetCookie().findLast((text) => text.startsWith("sid="));
    if (set) {
      const pair = set.split(";", 1)[0]!;
      this.lastSetCookie = set;
      this.cookie = pair === "sid=" ? undefined : pair;
    }
    return response;
  }

  async page(path = "/"): Promise<Page> {
    return read(await this.request(path));
  }

  async data(): Promise<unknown> {
    return (await this.request("/api/data")).json();
  }

  async write(entries: Record<string, string>): Promise<void> {
    const headers = { "content-type": "application/json" };
    const response = await this.request("/api/data", { method: "POST", headers, body: JSON.stringify(entries) });
    if (response.status !== 204) throw new Error(`POST /api/data answered ${response.status}`);
  }

  /** Submits the form with the submit button of this name, and answers what came back. */
  async send(button: string, fields: Record<string, string> = {}, path = "/"): Promise<Response> {
    const html = await (await this.request(path)).text();
    const form = [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].find(([, , content]) =>
      [...content!.matchAll(/<button\b[^>]*>/g)].some(([tag]) => attribute(tag, "name") === button),
    );
    if (!form) throw new Error(`${path} has no form with a button ${button}:\n${html}`);
    const body = attribute(form[1]!, "enctype") === "multipart/form-data" ? new FormData() : new URLSearchParams();
    for (const [tag] of form[2]!.matchAll(/<input\b[^>]*>/g)) {
      const name = attribute(tag, "name");
      if (name) body.append(name, fields[name] ?? attribute(tag, "value") ?? "");
    }
    body.append(button, "");
    return this.request(new URL(attribute(form[1]!, "action") || path, new URL(path, this.#url)).href, {
      method: "POST",
      body,
    });
  }

  /** Submits it, and answers the page that comes of it. */
  async press(button: string, fields?: Record<string, string>): Promise<Page> {
    const response = await this.send(button, fields);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || !location) return read(response);
    return this.page(location);
  }
}

async function read(response: Response): Promise<Page> {
  const html = (await response.text()).replaceAll(/<!--.*?-->/gs, "");
  const [, views] = /views: (\d+)/.exec(html) ?? [];
  const [, user] = /user: (\w+)/.exec(html) ?? [];
  if (!response.ok || views === undefined || user === undefined) {
    throw new Error(`Answered ${response.status}, and is no page with views and user:\n${html}`);
  }
  return { views: Number(views), user };
}

const ENTITIES: Record<string, string> = { amp: "&", quot: '"', lt: "<", gt: ">", "#x27": "'", "#39": "'" };

function attribute(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\s${name}="([^"]*)"`, "i").exec(tag) ?? [];
  return value?.replaceAll(/&([#\w]+);/g, (whole, entity: string) => ENTITIES[entity] ?? whole);
}
