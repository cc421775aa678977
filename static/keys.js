// Single keys: / search, j k move, o open, r refresh, ? help. They can be switched off (WCAG 2.1.4).
"use strict";

(() => {
  const STORE = "stepwise-keys";
  const dialog = document.getElementById("keys");
  const box = document.getElementById("keys-on");
  const areOn = () => {
    try {
      return localStorage.getItem(STORE) !== "off";
    } catch {
      return true; // no storage in this browser: the keys are on, as they are by default
    }
  };
  const show = () => {
    if (box) box.checked = areOn();
    for (const button of document.querySelectorAll("[data-toggles-keys]")) button.textContent = `Turn single keys ${areOn() ? "off" : "on"}`;
  };
  const set = (on) => {
    try {
      localStorage.setItem(STORE, on ? "on" : "off");
    } catch {
      window.stepwise.announce("This browser keeps no settings; the keys stay on.");
    }
    show();
    window.stepwise.announce(`Single keys are ${areOn() ? "on" : "off"}`);
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-toggles-keys]")) set(!areOn());
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      document.getElementById(opener.dataset.opens).showModal();
    }
  });
  if (box) box.addEventListener("change", () => set(box.checked));
  document.body.addEventListener("htmx:afterSettle", show);

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const linkOf = (row) => row && row.querySelector("a");
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement.closest("[data-row]"));
    const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? 0 : here + by))];
    linkOf(next)?.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const actions = {
    "/": () => (document.querySelector("[data-search]") || document.getElementById("q"))?.focus(),
    "?": () => dialog.showModal(),
    j: () => move(1),
    k: () => move(-1),
    o: () => linkOf(document.activeElement.closest("[data-row]"))?.click(),
    r: () => (document.querySelector("[data-live]") ? window.stepwise.refresh() : location.reload()),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !areOn() || document.querySelector("dialog[open]")) return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  show();
})();
