// Rows that can be dragged to another place; the new order is sent as the same form that arrows and numbers use.

const form = document.querySelector("form[data-order]");
const body = document.querySelector("tbody[data-order]");
let dragged = null;

function groupOf(row) {
  // A row and the notes below it move together.
  const group = [row];
  for (let next = row.nextElementSibling; next && !next.dataset.id; next = next.nextElementSibling) group.push(next);
  return group;
}

if (form && body) {
  for (const row of body.querySelectorAll("tr[data-id]")) row.draggable = true;

  body.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("tr[data-id]");
    dragged?.classList.add("dragged");
  });
  body.addEventListener("dragover", (event) => {
    const over = event.target.closest("tr[data-id]");
    if (!dragged || !over) return;
    event.preventDefault();
    for (const row of body.querySelectorAll(".target")) row.classList.remove("target");
    if (over !== dragged) over.classList.add("target");
  });
  body.addEventListener("drop", (event) => {
    const over = event.target.closest("tr[data-id]");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    for (const part of groupOf(dragged)) body.insertBefore(part, over);
    form.elements.order.value = [...body.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id).join(",");
    form.elements.order.disabled = false;
    form.submit();
  });
  body.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    for (const row of body.querySelectorAll(".target")) row.classList.remove("target");
  });
}
