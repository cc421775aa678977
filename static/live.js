// Live parts of a page: raises the event "refresh" on each [data-live] every few seconds while the page is visible and in use,
// slower when nobody touches it, not at all when it is hidden. The part asks the server, which answers 204 when nothing changed.
"use strict";

(() => {
  const IN_USE = 2500, IDLE = 10000, AWAY = 60000;
  const IDLE_AFTER = 60000, AWAY_AFTER = 15 * 60000;
  let touched = Date.now();
  let timer = 0;
  let failures = 0;
  let updated = document.getElementById("live-note")?.textContent.trim().slice(-8) ?? "";
  let kept = null;

  const note = () => document.getElementById("live-note");
  const parts = () => document.querySelectorAll("[data-live]");
  const wait = () => {
    const quiet = Date.now() - touched;
    return quiet > AWAY_AFTER ? AWAY : quiet > IDLE_AFTER ? IDLE : IN_USE;
  };
  const plan = () => {
    clearTimeout(timer);
    if (!document.hidden && parts().length) timer = setTimeout(refresh, wait());
  };
  const refresh = () => {
    for (const part of parts()) if (!part.classList.contains("htmx-request")) htmx.trigger(part, "refresh");
    plan();
  };
  window.stepwise.refresh = refresh;

  const touch = () => {
    const slow = wait() > IN_USE;
    touched = Date.now();
    if (slow) refresh();
  };
  for (const kind of ["pointerdown", "pointermove", "keydown", "scroll", "focus"]) {
    window.addEventListener(kind, touch, { passive: true });
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));

  // What is said about it: the time of the last answer, or since when there is none.
  const say = () => {
    if (!note()) return;
    if (failures >= 2) {
      if (note().dataset.live !== "stale") window.stepwise.announce(`Not updating since ${updated}`);
      note().dataset.live = "stale";
      note().textContent = `Not updating since ${updated}`;
    } else {
      delete note().dataset.live;
      note().textContent = `Updated ${updated}`;
    }
  };
  const isLive = (event) => event.detail.elt && event.detail.elt.closest && event.detail.elt.closest("[data-live]") === event.detail.elt;
  const failed = (event) => {
    if (!isLive(event)) return;
    failures += 1;
    say();
  };
  for (const kind of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) document.body.addEventListener(kind, failed);
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const now = event.detail.xhr && event.detail.xhr.getResponseHeader("X-Now");
    if (!event.detail.successful || !now) return;
    const seen = event.detail.xhr.getResponseHeader("X-Seen");
    if (seen && isLive(event)) event.detail.elt.setAttribute("hx-headers", JSON.stringify({ "X-Seen": seen }));
    failures = 0;
    updated = now.slice(11, 19);
    window.stepwise.setClock(now, event.detail.xhr.getResponseHeader("X-Speed"));
    say();
  });

  // A form inside or beside a live part did something: look at once.
  document.body.addEventListener("changed", refresh);

  // An answer to a part whose place a filter has taken meanwhile is late. Its events reach nobody but the part itself.
  const dropLate = (event) => {
    if (!event.target.isConnected) event.detail.shouldSwap = false;
  };
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (isLive(event)) event.detail.elt.addEventListener("htmx:beforeSwap", dropLate);
  });

  // Focus (htmx keeps it by id), scroll and open rows survive a swap; a focus whose control is gone goes to its row.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!target || !target.matches("[data-live]")) return;
    const row = target.contains(document.activeElement) && document.activeElement.closest("[data-row]");
    kept = {
      row: row && row.id,
      open: [...target.querySelectorAll("details[id]")].map((element) => [element.id, element.open]),
      scroll: [...target.querySelectorAll("[id]")].filter((e) => e.scrollLeft || e.scrollTop).map((e) => [e.id, e.scrollLeft, e.scrollTop]),
      said: target.querySelector("[data-announce]")?.dataset.announce,
    };
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (!kept || !event.detail.elt.matches("[data-live]")) return;
    for (const [id, open] of kept.open) {
      const element = document.getElementById(id);
      if (element) element.open = open;
    }
    for (const [id, left, top] of kept.scroll) document.getElementById(id)?.scrollTo(left, top);
    if (kept.row && document.activeElement === document.body) document.getElementById(kept.row)?.querySelector("a")?.focus();
    const said = event.detail.elt.querySelector("[data-announce]")?.dataset.announce;
    if (said && said !== kept.said) window.stepwise.announce(said);
    kept = null;
  });

  // Filters: only what is not the default goes into the address.
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get" || !event.detail.elt.matches("[data-filter]")) return;
    for (const [name, value] of Object.entries(event.detail.parameters)) if (value === "") delete event.detail.parameters[name];
  });

  // The DICOM port's sign of life, every 15 s.
  const pulse = document.getElementById("pulse");
  if (pulse) setInterval(() => document.hidden || htmx.trigger(pulse, "pulse"), 15000);

  plan();
})();
