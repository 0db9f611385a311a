// An error in the language of the page; English that cannot be translated is folded away.

import { ApiError } from "./api.js";
import { byId, el } from "./dom.js";
import { has, t } from "./i18n.js";
import { isKnown, said } from "./messages.js";

// Errors that go away when a person says what the file does not.
const ASKS_FOR_SETTINGS = ["unit_error", "lead_error"];

/** What happened and what to do, in the language of the page. */
export function errorWords(error) {
  if (!(error instanceof ApiError)) return t("errors.page", { message: error.message });
  return has(`errors.${error.code}`) ? t(`errors.${error.code}`) : t("errors.unknown");
}

/** Fill `place` with an error and show it. */
export function renderError(place, error) {
  const known = error instanceof ApiError;
  const asks = known && (ASKS_FOR_SETTINGS.includes(error.code) || error.message.includes("--"));
  if (asks) byId("file-settings").open = true;
  place.replaceChildren(
    el("h2", {}, t("errors.heading")),
    el("p", {}, errorWords(error)),
    asks ? el("p", {}, t("errors.say_it")) : "",
    known && error.message ? renderDetail(error) : "",
    known && error.requestId ? el("p", { class: "hint" }, t("errors.request", { id: error.requestId })) : "",
  );
  place.hidden = false;
}

function renderDetail({ message, messages }) {
  const detail = said("p", { class: "detail" }, message, messages);
  return isKnown(message, messages) ? detail : el("details", {}, el("summary", { class: "hint" }, t("errors.original")), detail);
}
