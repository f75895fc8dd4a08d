import type { SessionInfo } from "holdfast";
import { deviceOf } from "./device.ts";
import { GOODS, lines, type Product } from "./goods.ts";
import { type Content, type Html, html, prose } from "./html.ts";
import { LANGUAGES, type Language } from "./text.ts";
import type { Page, Visit } from "./visit.ts";

export const CUSTOMERS = ["Mina", "Theo", "하린"];

export function page(visit: Visit, title: string, main: Content): string {
  const { language, text, path, userId, cart, notes } = visit;
  const link = (to: Page, name: string, more?: Content) =>
    html`<a href="${to}"${to === path && html` aria-current="page"`}>${name}${more}</a>`;
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${text.shopName}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">${text.skip}</a>
<header>
<div class="bar">
<a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28">${text.shopName}</a>
<nav class="language" aria-label="${text.language}">${LANGUAGES.map(
    ({ code, name }) =>
      html`<a href="?lang=${code}" lang="${code}" hreflang="${code}"${code === language && html` aria-current="true"`}>${name}</a>`,
  )}</nav>
</div>
<div class="bar">
<nav class="pages" aria-label="${text.shopName}">${link("/", text.shop)}${link("/cart", text.cart, html` <b id="count">${cart.length}</b>`)}${link("/devices", text.devices)}${link("/life", text.life)}</nav>
${
  userId === undefined
    ? html`<a class="button quiet enter" href="/sign-in">${text.signIn}</a>`
    : html`<form class="who" method="post" action="/sign-out"><span>${userId}</span><button class="quiet">${text.signOut}</button></form>`
}
</div>
</header>
<main id="main">
<div class="notes" role="status">${notes.map((note) => html`<p>${note}</p>`)}</div>
<h1>${title}</h1>
${main}
</main>
<footer>${text.footer}</footer>
</body>
</html>`.toString();
}

const icon = ({ icon }: Product): Html => html`<svg class="icon" viewBox="0 0 48 48" aria-hidden="true">${icon}</svg>`;

const price = ({ language }: Visit, won: number): string =>
  new Intl.NumberFormat(language, { style: "currency", currency: "KRW" }).format(won);

export function shop(visit: Visit): string {
  const { text } = visit;
  const item = (product: Product) => html`
<li id="${product.id}">
${icon(product)}
<h2>${text[product.id]}</h2>
<p>${text[`${product.id}About`]}</p>
<form method="post" action="/cart">
<span class="price">${price(visit, product.price)}</span>
<button name="item" value="${product.id}" aria-label="${text.add}: ${text[product.id]}">${text.add}</button>
</form>
</li>`;
  return page(visit, text.slogan, html`<p class="lead">${text.tagline}</p><ul class="goods">${GOODS.map(item)}</ul>`);
}

export function cart(visit: Visit): string {
  const { text } = visit;
  const bill = lines(visit.cart);
  if (bill.length === 0) {
    return page(
      visit,
      text.cart,
      html`<p class="lead">${text.cartEmpty}</p><p><a class="button" href="/">${text.toShop}</a></p>`,
    );
  }
  const total = bill.reduce((sum, { product, count }) => sum + count * product.price, 0);
  const row = ({ product, count }: (typeof bill)[number]) => html`
<tr>
<th scope="row">${icon(product)} ${text[product.id]}</th>
<td class="number">${count}</td>
<td class="number">${price(visit, count * product.price)}</td>
<td class="number"><form method="post" action="/cart/remove"><button class="quiet" name="item" value="${product.id}" aria-label="${text.removeOne(text[product.id])}">${text.remove}</button></form></td>
</tr>`;
  return page(
    visit,
    text.cart,
    html`
<p class="lead">${text.cartKept}</p>
<table class="bill">
<thead><tr><th scope="col">${text.item}</th><th scope="col" class="number">${text.count}</th><th scope="col" class="number">${text.sum}</th><td></td></tr></thead>
<tbody>${bill.map(row)}</tbody>
<tfoot><tr><th scope="row" colspan="2">${text.total}</th><td class="number">${price(visit, total)}</td><td></td></tr></tfoot>
</table>
<form method="post" action="/cart/order"><button>${text.order}</button></form>`,
  );
}

export function signIn(visit: Visit, to: Page): string {
  const { text } = visit;
  // The button of the name field comes first: it is the one that Enter presses.
  return page(
    visit,
    text.signIn,
    html`
<p class="lead">${text.noPassword}</p>
<form class="sign-in" method="post" action="/sign-in">
<input type="hidden" name="to" value="${to}">
<label for="name">${text.yourName}</label>
<div class="field"><input id="name" name="name" required maxlength="40" autocomplete="username"><button>${text.signIn}</button></div>
<label class="check"><input type="checkbox" name="remember"> ${text.staySignedIn}</label>
<fieldset><legend>${text.regulars}</legend>${CUSTOMERS.map(
      (name) =>
        html`<button class="quiet" name="regular" value="${name}" formnovalidate aria-label="${text.signInAs(name)}">${name}</button>`,
    )}</fieldset>
</form>`,
  );
}

export function devices(visit: Visit, here: string, list: readonly SessionInfo[]): string {
  const { text, language } = visit;
  if (visit.userId === undefined) {
    return page(
      visit,
      text.devices,
      html`<p class="lead">${text.devicesSignedOut}</p><p><a class="button" href="/sign-in?to=/devices">${text.signIn}</a></p>`,
    );
  }
  const row = ({ handle, device, touchedAt, authenticatedAt }: SessionInfo) => {
    const { browser, system } = deviceOf(device);
    const name = browser && system ? text.deviceOn(browser, system) : (browser ?? system ?? text.unknownDevice);
    return html`
<tr>
<th scope="row">${name} ${handle === here && html`<mark>${text.thisDevice}</mark>`}<code class="handle">${handle}</code></th>
<td data-label="${text.lastUsed}">${ago(touchedAt, language)}</td>
<td data-label="${text.signedInAt}">${authenticatedAt !== undefined && ago(authenticatedAt, language)}</td>
<td class="number">${
      handle !== here &&
      html`<form method="post" action="/devices/sign-out"><button class="quiet" name="handle" value="${handle}" aria-label="${text.signOutDevice(name)}">${text.signOut}</button></form>`
    }</td>
</tr>`;
  };
  return page(
    visit,
    text.devices,
    html`
<p class="lead">${text.devicesIntro}</p>
<table class="devices">
<thead><tr><th scope="col">${text.device}</th><th scope="col">${text.lastUsed}</th><th scope="col">${text.signedInAt}</th><td></td></tr></thead>
<tbody>${list.map(row)}</tbody>
</table>
${list.length > 1 && html`<form method="post" action="/devices/sign-out-others"><button>${text.signOutOthers}</button></form>`}`,
  );
}

export const message = (visit: Visit, words: string): string =>
  page(
    visit,
    visit.text.shopName,
    html`<p class="lead">${prose(words)}</p><p><a class="button" href="/">${visit.text.toShop}</a></p>`,
  );

/** A moment of the past in words that need no time zone. */
function ago(time: number, language: Language): Html {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const words =
    seconds < 60
      ? format.format(0, "second")
      : seconds < 3600
        ? format.format(-Math.floor(seconds / 60), "minute")
        : format.format(-Math.floor(seconds / 3600), "hour");
  return html`<time datetime="${new Date(time).toISOString()}">${words}</time>`;
}
