// Keys of the page. They do nothing while a person types, and can be switched off (WCAG 2.1.4).

import { el } from "./dom.js";
import { openDialog } from "./dialogs.js";
import { t } from "./i18n.js";

const TYPING = "input:not([type=radio], [type=checkbox], [type=range], [type=button]), textarea, select, [contenteditable]";
let enabled = true;

/** Listen for keys: `shortcuts` is a list of { key, label, act }, where `label` answers words. */
export function listenForKeys(shortcuts) {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/** @type {Element} */ (event.target).closest?.(TYPING) || document.querySelector("dialog[open]")) return;
    const found = shortcuts.find(({ key }) => key === event.key);
    if (found === undefined || (!enabled && found.key !== "?")) return;
    event.preventDefault();
    found.act();
  });
}

/** Show every key of the page; `groups` is a list of [heading, [{ keys, label }]]. */
export function showKeys(groups) {
  const toggle = el("input", { type: "checkbox", id: "keys-enabled", checked: enabled });
  toggle.addEventListener("change", () => {
    enabled = toggle.checked;
  });
  const parts = groups.map(([heading, rows]) => [el("h3", {}, heading), el("dl", { class: "keys" }, rows.map(renderRow))]).flat();
  const off = el("label", { class: "check", for: "keys-enabled" }, toggle, " ", t("keys.enabled"));
  openDialog(t("keys.button"), [...parts, off]);
}

function renderRow({ keys, label }) {
  const caps = keys.map((key) => el("kbd", {}, key));
  return el("div", {}, el("dt", { dir: "ltr" }, caps), el("dd", {}, label));
}
