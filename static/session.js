// The session: typing and pressing is use of it, and when it ends what is typed in a form stays until its owner has signed in again.
"use strict";

(() => {
  const pulse = document.getElementById("pulse");
  if (!pulse) return;
  let used = false, typed = false;

  for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, () => (used = true), { passive: true });
  document.addEventListener("input", (event) => {
    if (event.target.closest("main form[method=post]:not([role=search])")) typed = true;
  });

  // The sign of life asks every few seconds anyway: it says whether somebody was here since.
  pulse.addEventListener("htmx:configRequest", (event) => {
    if (used) event.detail.headers["X-Used"] = "1";
    used = false;
  });

  const ended = () => document.getElementById("session-ended");
  const say = (address) => {
    if (ended()) return;
    const notice = document.getElementById("session-notice").content.cloneNode(true);
    notice.querySelector("a").href = address;
    document.getElementById("messages").append(notice);
  };
  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    const address = event.detail.xhr.getResponseHeader("HX-Redirect");
    if (!address || !typed || !address.startsWith(document.getElementById("session-notice").dataset.signIn)) return;
    event.preventDefault();
    say(address);
  });

  // Signed in again, in another tab: the forms of this one get the token of the new session.
  pulse.addEventListener("htmx:afterSwap", () => {
    const token = pulse.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
    if (!ended()) return;
    ended().remove();
    window.stepwise.announce("You are signed in again.");
  });
})();
