/** What wrangler.jsonc binds. In your own app `wrangler types` writes this, and the types of all else in Workers. */
declare module "cloudflare:workers" {
  export const env: { readonly DB: import("holdfast/stores/d1").D1 };
}
