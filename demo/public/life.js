// The server sends ready markup, escaped by its templates; this only puts it in place and counts down.

const $ = (selector) => document.querySelector(selector);
const sides = $("#sides");
const exchanges = $("#exchanges");

/** When each countdown ends, by this machine's own clock, right or wrong; a steady one would stop while it sleeps. */
const ends = new WeakMap();

function tick() {
  for (const clock of document.querySelectorAll("[data-left]")) {
    if (!ends.has(clock)) ends.set(clock, Date.now() + Number(clock.dataset.left));
    const left = Math.max(0, ends.get(clock) - Date.now());
    const [hours, minutes, seconds] = [left / 3_600_000, (left / 60_000) % 60, (left / 1000) % 60].map(Math.floor);
    const pad = (number) => String(number).padStart(2, "0");
    clock.textContent = hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
    clock.parentElement.querySelector("progress").value = left;
    if (left === 0) end();
  }
  // Were the cookie not HttpOnly, it would show here.
  if (document.cookie) $("#script-sees").textContent = document.cookie;
}

let stream;
let ticking;

function end() {
  stream?.close();
  clearInterval(ticking);
  $("#ended").hidden = false;
  sides.inert = true;
}

if ("live" in sides.dataset) {
  tick();
  ticking = setInterval(tick, 250);
  stream = new EventSource(`/life/stream?after=${exchanges.dataset.after}`);
  stream.addEventListener("exchange", ({ data }) => {
    $("#none")?.remove();
    exchanges.insertAdjacentHTML("afterbegin", data);
    exchanges.firstElementChild.classList.add("fresh");
    while (exchanges.childElementCount > 8) exchanges.lastElementChild.remove();
  });
  stream.addEventListener("sides", ({ data }) => {
    sides.innerHTML = data;
    tick();
  });
  stream.addEventListener("count", ({ data }) => {
    $("#count").textContent = data;
  });
  stream.addEventListener("ended", end);
  // Refused for good: the session ended while nobody was listening.
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && end());

  // These forms change the session alone, and the stream tells of it: no need to leave the page.
  for (const form of document.querySelectorAll("form[data-live]")) {
    form.addEventListener("submit", async (event) => {
      if (stream.readyState === EventSource.CLOSED) return;
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form));
      const { type } = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (type !== "opaqueredirect") location.reload();
    });
  }
}
