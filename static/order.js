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

// Whether a row that is dropped here goes behind this one rather than before it.
function isBelow(event, over) {
  const { top, height } = over.getBoundingClientRect();
  return event.clientY > top + height / 2;
}

if (form && body) {
  const unmark = () => body.querySelectorAll(".target").forEach((row) => row.classList.remove("target", "below"));
  for (const row of body.querySelectorAll("tr[data-id]")) row.draggable = true;

  body.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("tr[data-id]");
    dragged?.classList.add("dragged");
  });
  body.addEventListener("dragover", (event) => {
    const over = event.target.closest("tr[data-id]");
    if (!dragged || !over) return;
    event.preventDefault();
    unmark();
    if (over !== dragged) over.classList.add("target");
    over.classList.toggle("below", over !== dragged && isBelow(event, over));
  });
  body.addEventListener("drop", (event) => {
    const over = event.target.closest("tr[data-id]");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const place = isBelow(event, over) ? groupOf(over).at(-1).nextElementSibling : over;
    if (place !== dragged) for (const part of groupOf(dragged)) body.insertBefore(part, place);
    form.elements.order.value = [...body.querySelectorAll("tr[data-id]")].map((row) => row.dataset.id).join(",");
    form.elements.order.disabled = false;
    form.submit();
  });
  body.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    unmark();
  });
}
