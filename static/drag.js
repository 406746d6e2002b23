// Stretches of the histogram, chosen with a mouse, a pen or a finger: the page of the time from the first bar that was
// dragged over to the last. A click stays a link, and whoever has no pointer has the links.

const drawing = document.querySelector("[data-stretches] .plot > svg");
const LEAST_PX = 6;

if (drawing) {
  const bars = [...drawing.querySelectorAll("a")];
  let begin = null;
  let dragging = false;

  const over = (from, to) =>
    bars.filter((bar) => {
      const { left, right } = bar.querySelector("rect").getBoundingClientRect();
      return right > Math.min(from, to) && left < Math.max(from, to);
    });
  const mark = (chosen) => bars.forEach((bar) => bar.classList.toggle("chosen", chosen.includes(bar)));
  const asked = (bar) => new URLSearchParams(bar.getAttribute("href"));

  function end() {
    mark([]);
    begin = null;
  }

  // The bars are links, which a browser would drag away.
  drawing.addEventListener("dragstart", (event) => event.preventDefault());
  drawing.addEventListener("pointerdown", (event) => {
    dragging = false;
    begin = event.isPrimary && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey ? event.clientX : null;
  });
  drawing.addEventListener("pointermove", (event) => {
    if (begin === null || !event.isPrimary) return;
    if (!dragging && Math.abs(event.clientX - begin) < LEAST_PX) return;
    if (!dragging) drawing.setPointerCapture(event.pointerId);
    dragging = true;
    mark(over(begin, event.clientX));
  });
  drawing.addEventListener("pointerup", (event) => {
    const chosen = begin !== null && dragging ? over(begin, event.clientX) : [];
    end();
    if (!chosen.length) return;
    const query = asked(chosen[0]);
    query.set("to", asked(chosen.at(-1)).get("to"));
    location.search = query;
  });
  drawing.addEventListener("pointercancel", end);
  drawing.addEventListener("click", (event) => dragging && event.preventDefault());
  addEventListener("keydown", (event) => event.key === "Escape" && end());
}
