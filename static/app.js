// What every page may use: buttons that copy. Each part looks for its data- hook and does nothing without it.

// Of a message what was said, folded or not, without the labels beside it.
function textOf(source) {
  const said = [...source.querySelectorAll(".plain, .md")];
  return said.length ? said.map((part) => part.innerText || part.textContent).join("\n\n") : source.textContent;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(textOf(source));
      button.textContent = button.dataset.done;
    } catch {
      // Without leave for the clipboard the text is selected, so that one key copies it.
      getSelection().selectAllChildren(source);
    }
    setTimeout(() => (button.textContent = said), 2000);
  });
}

// What was typed into a password field, to be looked at.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
}

// A form that takes a while says so and is not sent twice.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", ({ submitter }) => {
    for (const button of form.elements) if (button.type === "submit") button.setAttribute("aria-disabled", "true");
    if (submitter) submitter.textContent = form.dataset.busy;
    form.addEventListener("submit", (event) => event.preventDefault());
  });
}

// All boxes of a table at once.
for (const all of document.querySelectorAll("[data-all]")) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][name="${all.dataset.all}"]`)];
  const look = () => {
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) box.addEventListener("change", look);
  look();
}

// A link to a text: with script the text is copied, without it is opened.
for (const link of document.querySelectorAll("a[data-copy-from]")) {
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const said = link.textContent;
    try {
      const answer = await fetch(link.href);
      if (!answer.ok) throw new Error(answer.statusText);
      await navigator.clipboard.writeText(await answer.text());
      link.textContent = link.dataset.done;
      setTimeout(() => (link.textContent = said), 2000);
    } catch {
      location.href = link.href;
    }
  });
}
