import { defineHandler } from "nitro/h3";
import { session } from "../sessions.ts";

export default defineHandler((event) => {
  const { data, userId = "nobody" } = session(event);
  const page = `<!doctype html><title>Nitro</title>
    <p>views: ${data.views ?? 0}</p>
    <p>user: ${escapeHtml(userId)}</p>
    <form method="post" action="/add"><button name="add">Add</button></form>
    <form method="post" action="/login"><input name="user" required><button name="login">Log in</button></form>
    <form method="post" action="/logout"><button name="logout">Log out</button></form>`;
  return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
});

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
