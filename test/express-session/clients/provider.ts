import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import { onTestFinished, vi } from "vitest";
import { listening } from "../../http/listen.ts";
import type { Browser } from "../browser.ts";

/** The part of oidc-provider, which has no types, that is used here. */
type Provider = new (issuer: string, configuration: object) => { callback(): RequestListener };
const { Provider }: { Provider: Provider } = createRequire(import.meta.url)("oidc-provider");

export const CLIENT = { id: "the app", secret: "known to the app and the provider" };

/** An OpenID provider that knows one client, until the test ends. Answers its issuer. */
export async function serveProvider(redirectUri: string): Promise<string> {
  // It has much to say about defaults that only a test may leave as they are.
  for (const level of ["info", "warn"] as const) {
    const said = vi.spyOn(console, level).mockReturnValue();
    onTestFinished(() => said.mockRestore());
  }
  let answer: RequestListener = () => {};
  const issuer = `http://127.0.0.1:${await listening(createServer((request, response) => answer(request, response)))}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    cookies: { keys: ["the provider's own"] },
  });
  answer = provider.callback();
  return issuer;
}

/** Fills in what the provider asks once the app has led there: who the visitor is, and whether the app may know. */
export async function logIn(visitor: Browser, path: string): Promise<Response> {
  const login = await visitor.get(path);
  const consent = await visitor.post(login.url, { prompt: "login", login: "ada", password: "any" });
  return visitor.post(consent.url, { prompt: "consent" });
}
