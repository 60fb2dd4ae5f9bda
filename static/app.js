// What the pages do beside htmx: keys, the theme, copying, counting down, and saying what is busy.
(() => {
  const root = document.documentElement;
  const once = (event, f) => document.addEventListener(event, f);

  // The theme changes at once; the server is told, so that the next page comes in it.
  once("submit", (e) => {
    if (e.target.getAttribute("action") !== "/theme") return;
    e.preventDefault();
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    e.target.querySelector(`.to-${dark ? "dark" : "light"}`).focus(); // the other one is gone
    fetch("/theme", { method: "POST", body: new URLSearchParams({ theme: root.dataset.theme, back: "/" }), redirect: "manual", keepalive: true });
  });

  once("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, select, textarea")) return;
    if (e.key === "/") {
      e.preventDefault();
      document.getElementById("name").focus();
      return;
    }
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    const link = moves && e.target.closest(".card-link");
    if (!link) return;
    // The next card in that direction, by where it is on the screen.
    const at = link.getBoundingClientRect();
    let best, least = Infinity;
    for (const other of link.closest(".cards").querySelectorAll(".card-link")) {
      const to = other.getBoundingClientRect();
      const along = (to.x - at.x) * moves[0] + (to.y - at.y) * moves[1];
      const aside = Math.abs((to.x - at.x) * moves[1]) + Math.abs((to.y - at.y) * moves[0]);
      const far = along + 4 * aside;
      if (along > 1 && far < least) [best, least] = [other, far];
    }
    if (best) {
      e.preventDefault();
      best.focus();
      best.scrollIntoView({ block: "nearest" });
    }
  });

  once("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    const area = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(area.value);
    } catch {
      area.select();
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });

  // The second click of a double click would come in the place of what the first one shows this once.
  once("submit", (e) => {
    const form = e.target.closest("[data-once]");
    if (!form) return;
    if (e.timeStamp < form.dataset.once) e.preventDefault();
    else form.dataset.once = e.timeStamp + 2000;
  });

  // The documentation's forms show what the API answers.
  once("submit", async (e) => {
    const form = e.target.closest("[data-try]");
    if (!form) return;
    e.preventDefault();
    const out = form.querySelector("output");
    const query = new URLSearchParams();
    const method = form.dataset.method || "GET";
    const sent = {};
    const headers = {};
    let path = form.dataset.try;
    for (const [key, value] of new FormData(form)) {
      if (path.includes(`{${key}}`)) path = path.replace(`{${key}}`, encodeURIComponent(value));
      else if (!value) continue;
      else if (key === "key") headers.Authorization = `Bearer ${value}`;
      else if (method === "POST") sent[key] = form.elements[key].type === "number" ? Number(value) : value;
      else query.set(key, value);
    }
    const url = path + (query.size ? `?${query}` : "");
    const body = method === "POST" ? JSON.stringify(sent) : undefined;
    const asked = `${method} ${url}${body ? `\n${body}` : ""}\n`;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { method, headers, body });
      const text = await answer.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {}
      out.textContent = `${asked}${answer.status} ${answer.statusText}\n\n${shown}`;
    } catch (err) {
      out.textContent = `${asked}${err}`;
    }
    out.hidden = false;
    form.removeAttribute("aria-busy");
  });

  const ready = () => {
    for (const b of document.querySelectorAll("[data-copy], [data-scripted]")) b.hidden = false;
    for (const el of document.querySelectorAll("[data-countdown]:not([data-counting])")) {
      el.dataset.counting = "";
      let left = Number(el.dataset.countdown);
      const tick = setInterval(() => {
        left -= 1;
        const [n, unit] = left > 90 ? [Math.ceil(left / 60), "minute"] : [left, "second"];
        el.textContent = left > 0 ? `in ${n} ${unit}${n > 1 ? "s" : ""}` : "now";
        if (left > 0 && el.isConnected) return;
        clearInterval(tick);
        // A page that was only to be looked at comes by itself, as it does without scripts; but who is typing stays undisturbed.
        const again = el.isConnected && document.getElementById("again");
        if (again && !document.activeElement.matches("input")) location.replace(again.href);
      }, 1000);
    }
  };
  once("DOMContentLoaded", ready);
  // Who goes back or forward again while a page loads, before htmx listens, has another page than the address says.
  once("DOMContentLoaded", () => {
    const loaded = performance.getEntriesByType("navigation")[0]?.name.split("#")[0];
    if (history.state?.htmx && loaded && loaded !== location.href.split("#")[0]) location.reload();
  });
  once("htmx:afterSettle", ready);

  // Fields that were left empty stay out of the address.
  once("htmx:configRequest", (e) => {
    if (e.detail.verb !== "get") return;
    for (const [key, value] of [...e.detail.formData]) if (value === "") e.detail.formData.delete(key);
  });

  // What is about to be replaced says so, but for what looks again by itself. An answer may go elsewhere, as errors do, so it is
  // remembered what was to be.
  const busy = new WeakMap();
  once("htmx:beforeRequest", (e) => {
    const live = e.target;
    if (live.matches("[data-live]")) {
      // Not while nobody looks, nor while somebody reads a table that would fold; what is quiet waits until the focus is elsewhere.
      const busy = live.dataset.live === "quiet" && (live.querySelector("details[open]") || live.contains(document.activeElement));
      if (document.hidden || busy) e.preventDefault();
      return;
    }
    for (const said of document.querySelectorAll("#flash, #told")) said.textContent = ""; // what was said of the last request
    busy.set(e.detail.xhr, e.detail.target);
    e.detail.target?.setAttribute("aria-busy", "true");
  });
  once("htmx:afterRequest", (e) => busy.get(e.detail.xhr)?.removeAttribute("aria-busy"));
  // Who was at something that is replaced is then at what came in its place: at its heading, or at the button of a form.
  let replaced = false;
  once("htmx:beforeSwap", (e) => {
    const at = document.activeElement;
    replaced = at !== document.body && e.detail.target.contains(at);
  });
  // Who stays where they were, in the form for example, is told what came.
  once("htmx:afterSettle", (e) => {
    const told = document.getElementById("told");
    if (told && e.target.dataset.told && !replaced) told.textContent = e.target.dataset.told;
  });
  once("htmx:afterSettle", (e) => {
    if (!replaced || document.activeElement !== document.body) return;
    const at = e.target.querySelector("h1, h2") || (e.target.matches("form") && e.target.querySelector("button"));
    if (!at) return;
    replaced = false;
    if (at.matches("h1, h2")) at.tabIndex = -1;
    at.focus({ preventScroll: true });
  });
  // A server that cannot be reached is worth a word, too.
  once("htmx:sendError", () => {
    const flash = document.getElementById("flash");
    flash.textContent = "The server cannot be reached. Check the connection and try again.";
  });
})();
