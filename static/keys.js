// Single keys, for whoever wants them (Settings can switch them off): / search, j k through rows, Enter and o open,
// g and a letter to go somewhere, t live, c copy, ? help, Esc clear. With a modifier, in a field, or while an input method
// composes, every key is left alone.

const places = { o: "/admin", r: "/admin/requests", c: "/admin/conversations", u: "/admin/upstreams", k: "/admin/keys", m: "/admin/models", s: "/admin/settings" };
let going = 0;

const rows = () => [...document.querySelectorAll("tbody tr")].filter((row) => row.querySelector("a[href]") && !row.closest("details"));
const current = () => document.querySelector("tr[aria-current]");
const link = (row) => row?.querySelector("a[href]");

function step(by) {
  const all = rows();
  const next = all[all.indexOf(current()) + by] ?? (by > 0 && !current() ? all[0] : undefined);
  if (!next) return follow(by > 0 ? "next" : "prev");
  current()?.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  link(next).focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function follow(rel) {
  const target = document.querySelector(`a[rel="${rel}"]`);
  if (target) location.href = target.href;
  return Boolean(target);
}

function press(hook) {
  const target = document.querySelector(hook);
  target?.click();
  return Boolean(target);
}

function open(tab) {
  const target = link(current());
  if (!target) return false;
  if (tab) window.open(target.href, "_blank", "noopener");
  else location.href = target.href;
  return true;
}

// The current row's request as a curl command: copied, or shown where the clipboard is closed.
function curl() {
  const target = link(current());
  if (!target || !/^\/admin\/requests\/\d+$/.test(target.pathname)) return false;
  const address = `${target.pathname}/curl`;
  fetch(address)
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer)))
    .then((text) => navigator.clipboard.writeText(text))
    .catch(() => (location.href = address));
  return true;
}

function help() {
  const box = document.getElementById("keys");
  if (!box) return false;
  if (box.open) box.close();
  else box.showModal();
  return true;
}

function clear() {
  if (!current()) return false;
  current().removeAttribute("aria-current");
  return true;
}

function search() {
  const box = document.querySelector("[data-search]");
  box?.focus();
  box?.select();
  return Boolean(box);
}

function act(key) {
  if (going && Date.now() - going < 1500) {
    going = 0;
    if (!places[key]) return false;
    location.href = places[key];
    return true;
  }
  switch (key) {
    case "/": return search();
    case "j": return step(1);
    case "k": return step(-1);
    case "Enter": return document.activeElement === document.body && open(false);
    case "o": return open(true);
    case "c": return press("[data-key-copy]") || curl();
    case "t": return press("[data-key-live]");
    case "?": return help();
    case "Escape": return clear();
    case "g": going = Date.now(); return true;
    default: return false;
  }
}

addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const at = event.target;
  if (event.key === "Escape" && at instanceof Element && at.matches("[data-search]")) at.blur();
  if (at instanceof Element && (at.closest("input, textarea, select") || at.isContentEditable)) return;
  if (act(event.key)) event.preventDefault();
});
