// Filters the attributes of data sets by tag, keyword or value: [data-filters-elements] names what it looks through.
(() => {
  const field = document.querySelector("[data-filters-elements]");
  const empties = document.querySelector("[data-hides-empty]");
  if (!field) return;

  const shows = (line, text) =>
    (!text || line.textContent.toLowerCase().includes(text)) && !(empties?.checked && line.matches("[data-empty]"));

  const apply = () => {
    const text = field.value.trim().toLowerCase();
    for (const line of document.querySelectorAll(field.dataset.filtersElements)) line.hidden = !shows(line, text);
    for (const sequence of [...document.querySelectorAll(".tree details")].reverse()) {
      const has = sequence.querySelector(".e:not([hidden])") !== null || shows(sequence.querySelector("summary"), text);
      sequence.hidden = !has;
      if (text && has) sequence.open = true;
    }
  };
  field.addEventListener("input", apply);
  empties?.addEventListener("change", apply);
})();
