// The frame of every page: theme, clock, copy buttons, menus, focus on the error summary.
"use strict";

(() => {
  const announce = (text) => {
    const region = document.getElementById("announce");
    if (region) region.textContent = text;
  };
  window.stepwise = { announce };

  // Theme: kept in a cookie, so that the server can write it into the page and nothing flashes.
  const chooseTheme = (value) => {
    document.documentElement.dataset.theme = value;
    document.cookie = `stepwise_theme=${value}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    for (const radio of document.querySelectorAll("[data-theme-choice]")) radio.checked = radio.value === value;
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-theme-choice]")) chooseTheme(event.target.value);
  });

  // Clock: the hospital's time, whatever the clock and the zone of this computer; a simulated one may run faster.
  const clock = document.getElementById("clock");
  let shown = Date.now(), at = Date.now(), speed = 1;
  const setClock = (iso, times) => {
    const moment = Date.parse(iso);
    if (!Number.isNaN(moment)) [shown, at, speed] = [moment, Date.now(), Number(times) || 1];
  };
  const parts = (zone, moment) => {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", weekday: "short", day: "2-digit", month: "short", year: "numeric",
      hour: "2-digit", minute: "2-digit", timeZoneName: "short",
    });
    return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
  };
  const showClock = () => {
    const now = parts(clock.dataset.zone, new Date(shown + (Date.now() - at) * speed));
    const [zoneName, date] = clock.querySelectorAll("span");
    clock.querySelector("b").textContent = `${now.hour}:${now.minute}`;
    zoneName.textContent = now.timeZoneName;
    date.textContent = `${now.weekday} ${now.day}-${now.month}-${now.year}`;
  };
  if (clock) {
    setClock(clock.dataset.now, clock.dataset.speed);
    showClock();
    setInterval(showClock, 1000);
  }
  window.stepwise.setClock = setClock;

  // Copy buttons. Without a secure context there is no clipboard object: a hidden field takes its place.
  const copyText = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "vh";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("not copied");
  };
  for (const button of document.querySelectorAll("[data-copy-from]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const source = button.dataset.copyFrom;
    try {
      await copyText(source ? document.getElementById(source).textContent : button.dataset.copy);
      announce(source ? "Copied" : `Copied ${button.dataset.copy}`);
      button.dataset.copied = "";
      setTimeout(() => delete button.dataset.copied, 1200);
    } catch {
      announce("The browser did not allow copying; select the text instead.");
    }
  });

  // Menus close on Escape and on a click elsewhere.
  const menus = () => document.querySelectorAll("details.menu[open], details.account[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Selects of a filter without a button of their own, and buttons that fill a field.
  document.addEventListener("click", (event) => {
    const filler = event.target.closest("[data-fills]");
    if (!filler) return;
    for (const [id, value] of Object.entries(JSON.parse(filler.dataset.fills))) {
      const field = document.getElementById(id);
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });

  for (const button of document.querySelectorAll("[data-prints]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  const summary = document.querySelector("[data-take-focus]");
  if (summary) summary.focus();
})();
