// An upstream is switched on or off in place: the same form, sent without leaving the page. What it changed is taken from the
// page that answers.

const policy = window.trustedTypes?.createPolicy("oar", { createHTML: (html) => html });

// A page of our own as a document that is not shown and runs nothing.
function read(html) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
}

function takeOver(old, fresh) {
  old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
}

function show(fresh) {
  for (const row of document.querySelectorAll("tr[data-id]")) {
    const now = fresh.querySelector(`tr[data-id="${row.dataset.id}"]`);
    const cells = now.querySelectorAll("[data-now]");
    row.querySelectorAll("[data-now]").forEach((cell, index) => takeOver(cell, cells[index]));
    const [button, next] = [row, now].map((one) => one.querySelector("[form=toggle]"));
    button.value = next.value;
    button.textContent = next.textContent;
  }
  document.title = fresh.title;
  document.querySelector("main > .said")?.remove();
  const said = fresh.querySelector("main > .said");
  if (said) document.querySelector("main").prepend(document.importNode(said, true));
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-toggle]");
  if (!form) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const answer = await fetch(event.submitter.formAction, { method: "POST", body, headers: { Accept: "text/html" } });
    const fresh = read(await answer.text());
    const ids = (page) => [...page.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id).join();
    if (answer.ok && ids(fresh) === ids(document)) show(fresh);
    else location.assign(answer.ok ? answer.url : location.href);
  } catch {
    location.reload();
  }
});
