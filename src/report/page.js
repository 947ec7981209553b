"use strict";
const tip = document.getElementById("tip");

/* Shows what a part of a figure tells, above the place pointed at if there is room. */
function show(part, x, y) {
  tip.textContent = part.dataset.tip;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, x - box.width / 2), document.documentElement.clientWidth - box.width - 8);
  const top = y - box.height - 14 < 8 ? y + 20 : y - box.height - 14;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function hide() {
  tip.hidden = true;
  document.querySelectorAll(".hit.active").forEach((part) => part.classList.remove("active"));
}

function point(event) {
  const part = event.target.closest && event.target.closest(".hit");
  if (part) show(part, event.clientX, event.clientY);
  else hide();
}
document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("scroll", hide, { passive: true });

/* Arrow keys go from value to value of the figure that has the focus. */
const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
document.addEventListener("keydown", (event) => {
  const figure = event.target.closest && event.target.closest(".picture svg");
  if (event.key === "Escape") hide();
  if (!figure || !(event.key in steps)) return;
  event.preventDefault();
  const parts = [...figure.querySelectorAll(".hit")];
  const before = parts.findIndex((part) => part.classList.contains("active"));
  const next = before < 0 ? 0 : Math.min(Math.max(before + steps[event.key], 0), parts.length - 1);
  hide();
  if (!parts[next]) return;
  parts[next].classList.add("active");
  const box = parts[next].getBoundingClientRect();
  show(parts[next], box.left + box.width / 2, box.top + box.height / 4);
});
document.addEventListener("focusout", hide);

/* The switch wins over the system's theme until the page is loaded again. */
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = dark ? "light" : "dark";
});
