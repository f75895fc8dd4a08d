import type { SessionRecord } from "holdfast";
import { GOODS } from "./goods.ts";
import { type Content, type Html, html } from "./html.ts";
import { page } from "./pages.ts";
import type { Text } from "./text.ts";
import type { Exchange, ShownId, ShownSetCookie, Step } from "./trace.ts";
import type { Visit } from "./visit.ts";

/** The demo's timeouts, in ms: short enough to be watched. */
export const IDLE = 10 * 60_000;
export const ABSOLUTE = 2 * 60 * 60_000;

/** What a life page knows at one moment. */
export interface Life {
  /** As this page's request brought it. */
  readonly cookie: ShownId | undefined;
  /** The last one of this session. */
  readonly setCookie: ShownSetCookie | undefined;
  /** This server's address. */
  readonly origin: string;
  /** As the store has it; undefined where there is no session. */
  readonly record: SessionRecord | undefined;
}

export function life(visit: Visit, moment: Life, exchanges: readonly Exchange[]): string {
  const { text, userId } = visit;
  const { record } = moment;
  const to = html`<input type="hidden" name="to" value="/life">`;
  return page(
    visit,
    text.life,
    html`
<p class="lead">${text.lifeIntro}</p>
<div class="actions">
<form method="post" action="/cart" data-live>${to}<input type="hidden" name="item" value="${GOODS[0]!.id}"><button>${text.add}: ${text[GOODS[0]!.id]}</button></form>
<form method="post" action="/life/new-id" data-live><button${!record && html` disabled`}>${text.newId}</button></form>
${
  userId === undefined
    ? html`<a class="button" href="/sign-in?to=/life">${text.signIn}</a>`
    : html`<form method="post" action="/sign-out">${to}<button>${text.signOut}</button></form>`
}
</div>
<dl class="legend">
<div><dt class="handle">${text.theHandle}</dt><dd>${text.handleIs}</dd></div>
<div><dt class="secret">${text.theSecret}</dt><dd>${text.secretIs}</dd></div>
<div><dt class="hash">${text.theHash}</dt><dd>${text.hashIs}</dd></div>
</dl>
<p id="ended" role="alert" hidden>${text.ended} <a href="/life">${text.reload}</a></p>
<div class="life">
<div id="sides"${record && html` data-live`}>${sides(visit.text, moment)}</div>
<section class="happens">
<h2>${text.happens}</h2>
${exchanges.length === 0 && html`<p id="none">${text.happensNone}</p>`}
<ol id="exchanges" aria-live="polite" data-after="${exchanges.at(-1)?.id ?? 0}">${exchanges.toReversed().map((each) => card(text, each))}</ol>
</section>
</div>
<script type="module" src="/life.js"></script>`,
  );
}

/** Both sides at one moment: what the browser has, and what the server has. */
export function sides(text: Text, { cookie, setCookie, record, origin }: Life): Html {
  return html`
<section class="side browser">
<h2>${text.browserHas}</h2>
<h3>${text.cookieHeader}</h3>
${cookie ? html`<pre><code>Cookie: ${shown(cookie)}</code></pre>` : html`<p>${text.cookieNone}</p>`}
${cookie && html`<p class="hint">${record ? text.cookieCut : text.cookieDead}</p>`}
${record && kept(text, record, setCookie)}
</section>
<section class="side server">
<h2>${text.serverHas}</h2>
${record && cookie ? known(text, cookie, record, origin) : html`<p>${cookie ? text.recordGone : text.recordNone}</p>`}
</section>`;
}

function kept(text: Text, record: SessionRecord, setCookie: ShownSetCookie | undefined): Html {
  return html`
<p>${record.entries.has("~remember") ? text.cookiePersistent : text.cookieMemory}</p>
<h3>${text.scriptsSee}</h3>
<p><code>document.cookie</code> → <output id="script-sees">${text.nothing}</output></p>
<h3>${text.lastSetCookie}</h3>
${setCookie ? html`<pre><code>${written(setCookie)}</code></pre>${attributes(text, setCookie)}` : html`<p>${text.setCookieNone}</p>`}`;
}

function known(text: Text, { name, handle, secret }: ShownId, record: SessionRecord, origin: string): Html {
  const hash = html`<code class="hash">${record.secretHash}</code>`;
  return html`
<h3>${text.lookUp}</h3>
<ol class="look-up">
<li>${text.lookUpSplit} <code class="handle">${handle}</code> <code class="secret">${secret}</code></li>
<li>${text.lookUpRead} <b>${text.version(record.version)}</b></li>
<li>${text.lookUpHash} ${hash}</li>
<li>${text.lookUpLives} <b>${text.lives}</b></li>
</ol>
<h3>${text.timeouts}</h3>
<div class="timeouts">
${countdown(text.idle, text.idleIs, record.touchedAt + IDLE, IDLE)}
${countdown(text.absolute, text.absoluteIs, (record.authenticatedAt ?? record.createdAt) + ABSOLUTE, ABSOLUTE)}
</div>
<h3>${text.record}</h3>
<table class="record"><tbody>
${field("handle", html`<code class="handle">${handle}</code>`)}
${field("secretHash", hash)}
${record.previousHash !== undefined && field("previousHash", html`<code>${record.previousHash}</code>`)}
${field("version", html`<code>${record.version}</code>`)}
${record.userId !== undefined && field("userId", html`<code>${record.userId}</code>`)}
${field("createdAt", moment(record.createdAt))}
${record.authenticatedAt !== undefined && field("authenticatedAt", moment(record.authenticatedAt))}
${field("touchedAt", moment(record.touchedAt))}
${field("expiresAt", moment(record.expiresAt))}
${[...record.entries].map(([name, value]) => field(`entries: ${name}`, html`<code>${value}</code>`))}
</tbody></table>
<p class="hint">${text.recordHash}</p>
<h3>${text.forge}</h3>
<pre><code>curl -i ${origin}/cart -H 'Cookie: ${name}=<span class="handle">${handle}</span>.<span class="secret">${"A".repeat(43)}</span>'</code></pre>`;
}

const field = (name: string, value: Content): Html =>
  html`<tr><th scope="row"><code>${name}</code></th><td>${value}</td></tr>`;

function moment(time: number): Html {
  const iso = new Date(time).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** The browser's clock may be wrong, so it is told how much is left and not until when. */
const countdown = (name: string, about: string, end: number, whole: number): Html => html`
<div><h4>${name}</h4><span class="left" role="timer" data-left="${Math.max(0, end - Date.now())}"></span>
<progress max="${whole}" value="${Math.max(0, end - Date.now())}" aria-label="${name}"></progress><p class="hint">${about}</p></div>`;

/** One request, as a line of the story. */
export function card(text: Text, { id, at, method, path, status, cookie, setCookie, steps }: Exchange): Html {
  return html`<li data-id="${id}">
<p class="request"><b>${method}</b> <code>${path}</code> <span class="status">${status}</span> <time datetime="${new Date(at).toISOString()}">${new Date(at).toISOString().slice(11, 19)}</time></p>
<ol>
<li class="in"><code>${cookie ? html`Cookie: ${shown(cookie)}` : text.noCookie}</code></li>
${steps.map((step) => html`<li class="${step.kind === "event" ? "event" : "store"}">${told(text, step)}</li>`)}
${setCookie && html`<li class="out"><code>${written(setCookie)}</code></li>`}
</ol>
</li>`;
}

function told(text: Text, step: Step): Content {
  switch (step.kind) {
    case "event":
      return text.steps[step.name];
    case "read":
      return html`<code>store.read</code> → ${step.version === undefined ? text.foundNothing : text.found(step.version)}`;
    case "create":
      return html`<code>store.create</code> ${entries(step.names)}, <code class="hash">${step.hash}</code> → ${text.writes.updated(1)}`;
    case "update": {
      const { status, version, names, hash } = step;
      const outcome = status === "updated" ? text.writes.updated(version) : text.writes[status];
      return html`<code>store.update</code> ${entries(names)}${hash && html` <code class="hash">${hash}</code>`} → ${outcome}`;
    }
    case "delete":
      return html`<code>store.delete</code>`;
  }
}

const entries = (names: readonly string[]): Content =>
  names.map((name) => html` <code class="entry">${name.replace(/^(~flash:\w+:).*/, "$1…")}</code>`);

const shown = ({ name, handle, secret }: ShownId): Html =>
  html`${name}=<wbr><span class="handle">${handle}</span>.<wbr><span class="secret">${secret}</span>`;

const written = ({ name, id, attributes }: ShownSetCookie): Html =>
  html`Set-Cookie: ${id ? shown(id) : `${name}=`}${attributes.map((attribute) => `; ${attribute}`)}`;

/** Each attribute with a word on what it does. */
function attributes(text: Text, { id, attributes }: ShownSetCookie): Html {
  const rows = attributes.map((attribute) => {
    const name = attribute.split("=", 1)[0] as keyof Text["attributes"];
    return html`<div><dt><code>${attribute}</code></dt><dd>${text.attributes[name]}</dd></div>`;
  });
  const persistent = attributes.some((attribute) => attribute.startsWith("Max-Age"));
  const kept = id && !persistent && html`<div><dt><code>–</code></dt><dd>${text.attributes.memory}</dd></div>`;
  return html`<dl class="attributes">${rows}${kept}</dl>`;
}
