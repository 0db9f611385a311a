// An error in the language of the page, with the server's own words below it.

import { ApiError } from "./api.js";
import { byId, el } from "./dom.js";
import { has, t } from "./i18n.js";

// Errors that a person can mend by saying what the file does not say.
const ASKS_FOR_SETTINGS = ["unit_error", "lead_error"];

/** What happened and what to do, in the language of the page. */
export function errorWords(error) {
  if (!(error instanceof ApiError)) return t("errors.page", { message: error.message });
  return has(`errors.${error.code}`) ? t(`errors.${error.code}`) : t("errors.unknown");
}

/** Fill `place` with an error and show it. */
export function renderError(place, error) {
  const known = error instanceof ApiError;
  const mendable = known && (ASKS_FOR_SETTINGS.includes(error.code) || error.message.includes("--"));
  if (mendable) byId("file-settings").open = true;
  place.replaceChildren(
    el("h2", {}, t("errors.heading")),
    el("p", {}, errorWords(error)),
    mendable ? el("p", {}, t("errors.say_it")) : "",
    known && error.message ? el("p", { class: "detail", lang: "en", dir: "ltr" }, error.message) : "",
    known && error.requestId ? el("p", { class: "hint" }, t("errors.request", { id: error.requestId })) : "",
  );
  place.hidden = false;
}
