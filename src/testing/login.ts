import type { Sessions } from "../core/sessions.ts";

export interface LoginOptions<Data> {
  /** Entries the session begins with. */
  data?: Partial<Data>;
  /** For requests by https, whose cookie has another name. Default: false. */
  https?: boolean;
}

/**
 * A session of this user, ready for a test: answers the Cookie header that opens it, without a login form or a server; with `transport: "bearer"`, the
 * Authorization header.
 *
 * ```ts
 * const cookie = await loginAs(sessions, "ada", { data: { cart: ["tea"] } });
 * const response = await fetch(`${url}/cart`, { headers: { cookie } });
 * ```
 */
export async function loginAs<Data extends object>(
  sessions: Sessions<Data>,
  userId: string | number,
  { data = {}, https = false }: LoginOptions<Data> = {},
): Promise<string> {
  const exchange = await sessions.open({ header: () => undefined, encrypted: https });
  Object.assign(exchange.session.data, data);
  await exchange.session.login(userId);
  const { setCookie, setHeader } = await exchange.commit();
  return setHeader ? `Bearer ${setHeader[1]}` : (setCookie as string).split(";", 1)[0]!;
}
