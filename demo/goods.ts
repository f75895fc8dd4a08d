import { type Html, html } from "./html.ts";

export interface Product {
  readonly id: "rope" | "anchor" | "hook" | "lantern" | "mug" | "kelp";
  /** In won. */
  readonly price: number;
  readonly icon: Html;
}

/** Things that hold fast, and what one drinks beside them. */
export const GOODS: readonly Product[] = [
  {
    id: "rope",
    price: 18_000,
    icon: html`<ellipse cx="24" cy="17" rx="14" ry="6"/><path d="M10 17v6c0 3.3 6.3 6 14 6s14-2.7 14-6v-6M10 23v7c0 3.3 6.3 6 14 6s14-2.7 14-6v-7M38 30c1.5 4-1 8-5 9"/><ellipse cx="24" cy="17" rx="6" ry="2.2"/>`,
  },
  {
    id: "anchor",
    price: 42_000,
    icon: html`<circle cx="24" cy="10" r="4"/><path d="M24 14v26M17 20h14M9 27c1 8 7 13 15 13s14-5 15-13M9 27l-3 4M9 27l5 2M39 27l3 4M39 27l-5 2"/>`,
  },
  {
    id: "hook",
    price: 9_000,
    icon: html`<rect x="17" y="6" width="14" height="9" rx="2"/><circle cx="24" cy="10.5" r="1"/><path d="M24 15v14M24 29c0 6 4 9 8 9s7-4 6-9M24 29c0 6-4 9-8 9s-7-4-6-9"/>`,
  },
  {
    id: "lantern",
    price: 35_000,
    icon: html`<path d="M17 12c0-9 14-9 14 0M15 12h18l2 5H13zM15 17v17M33 17v17M13 34h22v6H13z"/><path d="M24 31c-3.5 0-4.5-4-2-6.5 1-1 1.5-2.3 2-3.5.5 1.2 1 2.5 2 3.5 2.5 2.5 1.5 6.5-2 6.500z"/>`,
  },
  {
    id: "mug",
    price: 14_000,
    icon: html`<path d="M10 17h22v17c0 3-2 5-5 5H15c-3 0-5-2-5-5zM32 21h3c5 0 5 11 0 11h-3M17 11c-2-2 2-3 0-5M25 11c-2-2 2-3 0-5"/>`,
  },
  {
    id: "kelp",
    price: 7_000,
    icon: html`<path d="M24 42c-2-8 3-11 1-18s3-10 0-18M25 32c6 1 10-2 11-7-6-1-10 2-11 7zM24 35c-6 0-9-3-10-8 6 0 9 3 10 8zM25 20c5 0 8-3 9-7-5 0-8 3-9 7zM24 23c-5 0-8-3-9-7 5 0 8 3 9 7zM16 42h16"/>`,
  },
];

export const productOf = (id: string): Product | undefined => GOODS.find((product) => product.id === id);

/** A cart's ids as lines of a bill, in the shop's order. */
export function lines(cart: readonly string[]): { product: Product; count: number }[] {
  return GOODS.map((product) => ({ product, count: cart.filter((id) => id === product.id).length })).filter(
    ({ count }) => count > 0,
  );
}
