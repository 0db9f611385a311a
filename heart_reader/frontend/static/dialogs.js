// Dialogs: the keys of the page, the key of the server, the model card. Built when they are needed,
// gone when they are closed.

import { button, el } from "./dom.js";
import { t } from "./i18n.js";

/** Open a modal dialog with a heading and a close button; answers the dialog. */
export function openDialog(heading, content, { kind = "", onClose = null } = {}) {
  const close = button({ class: "button quiet", "aria-label": t("page.close") }, () => dialog.close(), "×");
  const dialog = el(
    "dialog",
    { class: `dialog ${kind}`, "aria-labelledby": "dialog-heading" },
    el("header", { class: "card-head" }, el("h2", { id: "dialog-heading" }, heading), close),
    el("div", { class: "dialog-body", tabindex: 0 }, content),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask for the key of the server; a promise of the key, or of null. */
export function askForKey(refused) {
  return new Promise((resolve) => {
    let given = null;
    const field = el("input", { id: "api-key", type: "password", autocomplete: "off", required: true, "aria-describedby": "api-key-hint" });
    const form = el(
      "form",
      { class: "key-form", method: "dialog" },
      el("label", { for: "api-key" }, t("api_key.label")),
      field,
      el("p", { id: "api-key-hint", class: "hint" }, refused ? `${t("api_key.refused")} ` : "", t("api_key.hint")),
      el("button", { class: "button", type: "submit" }, t("api_key.send")),
    );
    form.addEventListener("submit", () => {
      given = field.value.trim() || null;
    });
    openDialog(t("api_key.heading"), form, { kind: "narrow", onClose: () => resolve(given) });
    field.focus();
  });
}
