// Holding a ruler to the screen: a bar, and how long it is in truth.

import { el } from "../dom.js";
import { t } from "../i18n.js";
import { calibrate, truePxPerMm } from "./scale.js";

const BAR_MM = 100;

/**
 * A form that asks how long a bar is on this screen; `done()` is called when the scale has changed.
 */
export function renderRuler(prefix, done) {
  const drawnPx = Math.round(BAR_MM * truePxPerMm());
  const bar = el("div", { class: "ruler-bar", "aria-hidden": "true" });
  bar.style.width = `${drawnPx}px`;
  const input = el("input", { id: `${prefix}-ruler`, type: "number", min: 30, max: 300, step: 0.5, value: BAR_MM, required: true, inputmode: "decimal" });
  const problem = el("p", { class: "hint", role: "alert" });
  const form = el(
    "form",
    { class: "tracing-ruler" },
    el("p", { class: "hint" }, t("tracing.ruler_hint")),
    el("div", { class: "ruler-frame", dir: "ltr" }, bar),
    el("label", { for: `${prefix}-ruler` }, t("tracing.ruler_label")),
    input,
    el("button", { class: "button", type: "submit" }, t("tracing.ruler_save")),
    problem,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (calibrate(drawnPx, Number(input.value))) done();
    else problem.textContent = t("tracing.ruler_wrong");
  });
  return form;
}
