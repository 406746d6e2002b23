// New requests as they come, in the table of requests. The server makes the rows, which are built of its texts alone; they wait while somebody points at
// the table or has the focus in it; the stream ends while the page is hidden and goes on where it was.

const box = document.querySelector("[data-live-box]");
const button = document.querySelector("[data-live]");
const waitingButton = document.querySelector("[data-live-new]");
const count = document.querySelector("[data-live-count]");
const MOST = 200;
const ANNOUNCE_MS = 10000;

if (box && button && waitingButton) {
  const body = box.querySelector("tbody");
  let source = null;
  let wanted = false;
  let after = box.dataset.after;
  let waiting = [];
  let came = 0;
  let held = false;
  let told = 0;
  let untold = 0;

  const filled = (text, value) => text.replace("{0}", value);

  function node(tag, text, className) {
    const at = document.createElement(tag);
    at.textContent = text;
    if (className) at.className = className;
    return at;
  }

  // A value that narrows the search to those that have it.
  function pick(term, text, className) {
    const at = node("button", text, className);
    at.name = "add";
    at.value = term;
    return at;
  }

  function rowOf(made) {
    const row = node("tr", "", "fresh");
    row.dataset.id = made.id;
    const cell = (label, inner, className) => {
      const at = node("td", "", className);
      at.dataset.l = label;
      at.append(inner);
      row.append(at);
      return at;
    };
    const link = node("a", "");
    link.href = made.href;
    const time = node("time", made.time);
    time.dateTime = made.at;
    link.append(time);
    cell(box.dataset.time, link);
    const status = node("span", "", "st");
    status.append(pick(`status:${made.status}`, made.status, `badge ${made.class}`));
    for (const word of made.words) status.append(" ", node("span", word, "meta"));
    cell(box.dataset.status, status);
    for (const one of made.cells) {
      const at = cell(one.label, one.term ? pick(one.term, one.text) : one.text, one.class);
      if (one.title) at.title = one.title;
    }
    return row;
  }

  function show() {
    if (waiting.length) {
      box.hidden = false;
      for (const record of waiting) body.prepend(rowOf(record));
      while (body.rows.length > MOST) body.lastElementChild.remove();
      untold += came;
      waiting = [];
      came = 0;
    }
    waitingButton.hidden = true;
    announce();
  }

  function announce() {
    if (!untold || Date.now() - told < ANNOUNCE_MS) return;
    count.textContent = filled(box.dataset.told, untold);
    told = Date.now();
    untold = 0;
  }

  function take(event) {
    const id = Number(event.lastEventId);
    if (id <= Number(after)) return;
    after = String(id);
    waiting.push(JSON.parse(event.data));
    came++;
    // What nobody could see any more need not be kept.
    if (waiting.length > MOST) waiting.shift();
    if (!held) return show();
    waitingButton.textContent = filled(box.dataset.new, came);
    waitingButton.hidden = false;
  }

  function connect() {
    if (source || !wanted || document.hidden) return;
    const joint = box.dataset.stream.includes("?") ? "&" : "?";
    source = new EventSource(`${box.dataset.stream}${joint}after=${after}`);
    source.addEventListener("request", take);
    // Refused, as when the session has ended: the browser does not try again by itself.
    source.addEventListener("error", () => source?.readyState === EventSource.CLOSED && end());
  }

  function end() {
    turn(false);
    count.textContent = box.dataset.ended;
  }

  function close() {
    source?.close();
    source = null;
  }

  const hold = (now) => {
    held = now;
    if (!held) show();
  };
  box.addEventListener("pointerenter", () => hold(true));
  box.addEventListener("pointerleave", () => hold(box.contains(document.activeElement)));
  box.addEventListener("focusin", () => hold(true));
  box.addEventListener("focusout", (event) => hold(box.contains(event.relatedTarget) || box.matches(":hover")));
  waitingButton.addEventListener("click", show);
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : connect()));
  setInterval(announce, 1000);

  button.hidden = false;
  function turn(on) {
    wanted = on;
    button.setAttribute("aria-pressed", String(wanted));
    button.textContent = wanted ? box.dataset.stop : box.dataset.start;
    if (wanted) connect();
    else close();
  }

  button.addEventListener("click", () => turn(!wanted));
}
