declare module "cloudflare:workers" {
  /** The Worker's bindings. */
  export const env: unknown;
}
