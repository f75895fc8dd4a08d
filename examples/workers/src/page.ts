export function page(views: number, user = "nobody"): Response {
  const html = `<!doctype html><title>Workers</title>
    <p>views: ${views}</p>
    <p>user: ${escapeHtml(user)}</p>
    <form method="post" action="/add"><button name="add">Add one</button></form>
    <form method="post" action="/login"><input name="user" required><button name="login">Log in</button></form>
    <form method="post" action="/logout"><button name="logout">Log out</button></form>`;
  return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
