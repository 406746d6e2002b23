// New requests as they come, in the table of requests. Rows are built of text alone; they wait while somebody points at
// the table or has the focus in it; the stream ends while the page is hidden and goes on where it was.

const box = document.querySelector("[data-live-box]");
const button = document.querySelector("[data-live]");
const waitingButton = document.querySelector("[data-live-new]");
const count = document.querySelector("[data-live-count]");
const MOST = 200;
const ANNOUNCE_MS = 10000;

if (box && button && waitingButton) {
  const body = box.querySelector("tbody");
  const labels = [...box.querySelectorAll("thead th")].map((head) => head.textContent);
  const upstreams = JSON.parse(box.dataset.upstreams || "{}");
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: box.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const whole = new Intl.NumberFormat("en-US");
  let source = null;
  let wanted = false;
  let after = box.dataset.after;
  let waiting = [];
  let held = false;
  let told = 0;
  let untold = 0;

  const duration = (us) => {
    if (us == null) return "—";
    if (us < 1000) return "< 1 ms";
    if (us < 1e6) return `${Math.floor(us / 1000)} ms`;
    if (us < 1e7) return `${(Math.floor(us / 1e4) / 100).toFixed(2)} s`;
    if (us < 6e7) return `${(Math.floor(us / 1e5) / 10).toFixed(1)} s`;
    return `${Math.floor(us / 6e7)} m ${String(Math.floor(us / 1e6) % 60).padStart(2, "0")} s`;
  };
  const side = (tokens) => (tokens == null ? "?" : whole.format(tokens));
  const short = (tokens) => (tokens >= 1e6 ? `${(Math.floor(tokens / 1e5) / 10).toFixed(1)} M` : side(tokens));
  const kind = (status) => (status >= 200 && status < 300 ? "ok" : status >= 300 && status < 400 ? "info" : status >= 400 && status < 500 ? "warn" : "err");
  const money = (dollars) => (dollars == null ? "—" : `$${dollars.toFixed(dollars >= 1 ? 2 : dollars >= 1e-4 || dollars <= 0 ? 4 : 7)}`);
  const added = {
    cost: (record) => money(record.cost),
    path: (record) => record.path,
    ua: (record) => record.user_agent,
    host: (record) => record.host,
    finish: (record) => record.finish,
    conv: (record) => record.conversation_id ?? "—",
  };
  const columns = box.dataset.cols ? box.dataset.cols.split(",") : [];
  const filled = (text, value) => text.replace("{0}", value);

  function cell(row, text, className) {
    const at = row.insertCell();
    at.dataset.l = labels[row.cells.length - 1] ?? "";
    if (className) at.className = className;
    at.textContent = text ?? "";
    return at;
  }

  function rowOf(record) {
    const row = document.createElement("tr");
    row.dataset.id = record.id;
    row.className = "fresh";
    const link = document.createElement("a");
    link.href = `/admin/requests/${record.id}${box.dataset.record}`;
    const time = document.createElement("time");
    time.dateTime = record.created_at;
    time.textContent = clock.format(new Date(record.created_at));
    link.append(time);
    cell(row, "").append(link);
    const badge = document.createElement("span");
    badge.className = `badge ${kind(record.status)}`;
    badge.textContent = record.status;
    const status = cell(row, "");
    status.append(badge);
    if (record.attempts?.length > 1) status.append(` ↻${record.attempts.length}`);
    cell(row, record.model);
    cell(row, record.upstream_id == null ? "" : (upstreams[record.upstream_id] ?? record.upstream_id));
    cell(row, record.key_name);
    cell(row, record.ip);
    cell(row, duration(record.first_content_us), "num");
    cell(row, duration(record.total_us), "num");
    const counted = record.tokens_in != null || record.tokens_out != null;
    const tokens = cell(row, counted ? `${short(record.tokens_in)} → ${short(record.tokens_out)}` : "—", "num");
    if (Math.max(record.tokens_in, record.tokens_out) >= 1e6) tokens.title = `${side(record.tokens_in)} → ${side(record.tokens_out)}`;
    const streamed = record.streamed && record.first_content_us != null ? record.total_us - record.first_content_us : 0;
    cell(row, streamed > 0 && record.tokens_out != null ? ((record.tokens_out * 1e6) / streamed).toFixed(1) : "—", "num");
    cell(row, "");
    for (const column of columns) cell(row, added[column](record), column === "cost" || column === "conv" ? "num" : "");
    return row;
  }

  function show() {
    if (waiting.length) {
      box.hidden = false;
      for (const record of waiting) body.prepend(rowOf(record));
      while (body.rows.length > MOST) body.lastElementChild.remove();
      untold += waiting.length;
      waiting = [];
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
    // What nobody could see any more need not be kept.
    if (waiting.length > MOST) waiting.shift();
    if (!held) return show();
    waitingButton.textContent = filled(box.dataset.new, waiting.length);
    waitingButton.hidden = false;
  }

  function connect() {
    if (source || !wanted || document.hidden) return;
    const joint = box.dataset.stream.includes("?") ? "&" : "?";
    source = new EventSource(`${box.dataset.stream}${joint}after=${after}`);
    source.addEventListener("request", take);
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
  button.addEventListener("click", () => {
    wanted = !wanted;
    button.setAttribute("aria-pressed", String(wanted));
    button.textContent = wanted ? box.dataset.stop : box.dataset.start;
    if (wanted) connect();
    else close();
  });
}
