/* The search box takes a pasted column: line ends, which a text field would drop, become semicolons. Escape and a
   followed link close the answer; typing opens it again. Nothing typed leaves the page but by the search itself. */
(() => {
  "use strict";
  const box = (target) => target instanceof Element && target.closest(".search");

  document.addEventListener("paste", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || field.id !== "search" || !event.clipboardData) return;
    const text = event.clipboardData.getData("text");
    if (!/[\r\n\t]/.test(text.trim())) return;
    event.preventDefault();
    const pasted = text.trim().split(/\s*[\r\n\t]+\s*/).join("; ");
    const start = field.selectionStart ?? field.value.length;
    const end = field.selectionEnd ?? start;
    const value = field.value.slice(0, start) + pasted + field.value.slice(end);
    // React listens to the setter of the prototype, not to the field's own.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  document.addEventListener("keydown", (event) => {
    const search = document.querySelector(".search");
    if (!search) return;
    if (event.key === "Escape") search.dataset.closed = "1";
    else if (box(event.target)) delete search.dataset.closed;
  });
  document.addEventListener("click", (event) => {
    const search = box(event.target);
    if (search && event.target.closest("#search-answer a")) search.dataset.closed = "1";
  });
})();
