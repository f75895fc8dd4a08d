import { Outlet, Scripts } from "react-router";
import type { Route } from "./+types/root";
import { sessionMiddleware } from "./sessions.server";

export const middleware: Route.MiddlewareFunction[] = [...sessionMiddleware];

export default function Root() {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>holdfast</title>
      </head>
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
