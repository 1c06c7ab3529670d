/* Improve what already works without a script: copy, dialogs, theme, keys, toasts, charts to explore. */

const root = document.documentElement;
const GO = { t: "Today", m: "Market", r: "Recommendations", j: "Journal", p: "Portfolio" };
const PREFIX_LIFETIME_MS = 1200;
const TOAST_LIFETIME_MS = 10000;
const COPIED_LIFETIME_MS = 2000;
const YEAR_S = 31536000;

root.dataset.js = "";

/* -- Clicks ---------------------------------------------------------------------------------------------------------- */

const onClick = {
  "[data-copy]": copy,
  "[data-dialog]": (button, event) => { event.preventDefault(); openDialog(button.dataset.dialog); },
  "[data-close]": (button) => button.closest(".toast, dialog").remove(),
  "[data-explore]": explore,
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(onClick)) {
    const element = event.target.closest(selector);
    if (element) act(element, event);
  }
});

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    announce(button, "Copied");
  } catch {
    getSelection().selectAllChildren(source);
    announce(button, "Selected: press Ctrl C");
  }
}

function announce(button, words) {
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  label.textContent = words;
  setTimeout(() => { label.textContent = before; }, COPIED_LIFETIME_MS);
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

/* -- Theme: the cookie lets the server render the next page in it, so that nothing flashes ----------------------------- */

document.addEventListener("change", (event) => {
  const choice = event.target.closest('[name="theme"]');
  if (choice) applyTheme(choice.value);
});

/* A form that only chooses what to show needs no button where a script runs. */
document.addEventListener("change", (event) => event.target.closest("[data-autosubmit]")?.requestSubmit());
for (const button of document.querySelectorAll("[data-autosubmit] button")) button.hidden = true;

function applyTheme(name) {
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `theme=${name};path=/;max-age=${YEAR_S};samesite=lax${secure}`;
  if (name === "system") delete root.dataset.theme;
  else root.dataset.theme = name;
}

/* -- Keys -------------------------------------------------------------------------------------------------------------- */

let prefixUntil = 0;

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.form?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const isSecond = event.timeStamp < prefixUntil;
  prefixUntil = event.key === "g" ? event.timeStamp + PREFIX_LIFETIME_MS : 0;
  const target = isSecond ? navLink(GO[event.key]) : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (target) { event.preventDefault(); target.click(); } else if (event.key === "?") openDialog("shortcuts");
});

function isTyping(element) {
  return element.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName);
}

function navLink(label) {
  return [...document.querySelectorAll(".nav a")].find((link) => link.querySelector("span")?.textContent === label);
}

/* -- Toasts ------------------------------------------------------------------------------------------------------------ */

const toasts = document.getElementById("toasts");

if (toasts) {
  new MutationObserver(dressToasts).observe(toasts, { childList: true });
  dressToasts();
  document.addEventListener("htmx:responseError", () => toast("That did not work. Nothing was changed; try again, or reload the page."));
  document.addEventListener("htmx:sendError", () => toast("The server did not answer. Check your connection, then try again."));
}

function toast(words) {
  const element = document.createElement("div");
  const text = document.createElement("span");
  element.className = "note toast bad";
  element.dataset.toast = "error";
  text.textContent = words;
  element.append(text);
  toasts.append(element);
}

function dressToasts() {
  for (const element of toasts.querySelectorAll(".toast:not([data-dressed])")) {
    element.dataset.dressed = "";
    const button = document.createElement("button");
    button.className = "link";
    button.type = "button";
    button.dataset.close = "";
    button.textContent = "Close";
    element.append(button);
    if (["success", "info"].includes(element.dataset.toast)) setTimeout(() => element.remove(), TOAST_LIFETIME_MS);
  }
}

/* -- Charts: the interactive bundle is fetched when someone asks to explore, never before ------------------------------- */

async function explore(button) {
  const figure = button.closest(".chart");
  const stage = figure.querySelector(".live");
  button.disabled = true;
  try {
    const [{ default: embed }, spec] = await Promise.all([
      import(button.dataset.bundleUrl),
      fetch(button.dataset.specUrl, { headers: { Accept: "application/json" } }).then(readJson),
    ]);
    stage.hidden = false;
    await embed(stage, paint(spec), { ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true } });
    for (const still of figure.querySelectorAll(":scope > .wide, :scope > .narrow")) still.remove();
    button.remove();
  } catch {
    stage.hidden = true;
    button.disabled = false;
    if (toasts) toast("The chart to explore could not be loaded. The picture and its table below show the same figures.");
  }
}

function readJson(response) {
  if (!response.ok) throw new Error(`The chart answered ${response.status}.`);
  return response.json();
}

/* Replace each colour of the spec's palette by what its custom property is worth now, light or dark. */
function paint(spec) {
  const probe = document.createElement("i");
  document.body.append(probe);
  let text = JSON.stringify({ ...spec, width: "container" });
  for (const [colour, name] of Object.entries(spec.usermeta?.palette ?? {})) {
    probe.style.color = `var(--${name})`;
    text = text.replaceAll(colour, getComputedStyle(probe).color);
  }
  probe.remove();
  return JSON.parse(text);
}
