import { data, Form, redirect } from "react-router";
import { sessionContext } from "../sessions.server";
import type { Route } from "./+types/home";

export function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext);
  return { user: session.userId, views: session.data.views ?? 0, notices: session.flash("notice") };
}

export async function action({ request, context }: Route.ActionArgs) {
  const session = context.get(sessionContext);
  const form = await request.formData();
  if (form.has("add")) {
    await session.update("views", (n = 0) => n + 1);
  } else if (form.has("login")) {
    const user = form.get("user");
    if (typeof user !== "string" || user === "") return data({ error: "Who are you?" }, { status: 400 });
    await session.login(user);
    session.flash("notice", `Welcome, ${user}.`);
  } else {
    await session.destroy();
  }
  return redirect("/");
}

export default function Home({ loaderData: { user, views, notices }, actionData }: Route.ComponentProps) {
  return (
    <>
      {notices.map((notice) => (
        <p key={notice}>{notice}</p>
      ))}
      {actionData && <p>{actionData.error}</p>}
      <p>{`views: ${views}`}</p>
      <p>{`user: ${user ?? "nobody"}`}</p>
      <Form method="post">
        <button type="submit" name="add">
          Add
        </button>
      </Form>
      <Form method="post">
        <input name="user" aria-label="User" />
        <button type="submit" name="login">
          Log in
        </button>
      </Form>
      <Form method="post">
        <button type="submit" name="logout">
          Log out
        </button>
      </Form>
    </>
  );
}
