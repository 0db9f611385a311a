// The model: what it was trained on, how common each class was, and how well it separated them.

import { button, el, isolated, ltr } from "./dom.js";
import { className, levelName } from "./classes.js";
import { openDialog } from "./dialogs.js";
import { formatNumber, formatPercent, has, t } from "./i18n.js";

/** The card of the model; `model` is its description or null, `level` the level of interest. */
export function renderModel(reading, model, level) {
  const facts = [
    ["reader", model?.readers.length > 1 ? isolated(model.reader) : null],
    ["name", ltr(reading.model.name)],
    ["version", model?.version ? ltr(model.version) : null],
    ["parameters", model?.n_parameters ? ltr(formatNumber(model.n_parameters)) : null],
    ["trained_on", trainedOn(model)],
    ["label_rule", has(`label_rules.${reading.model.label_rule}`) ? t(`label_rules.${reading.model.label_rule}`) : reading.model.label_rule],
    ["checkpoint", el("code", { dir: "ltr", title: reading.model.checkpoint_sha256 }, reading.model.checkpoint_sha256.slice(0, 16))],
    ["signature", model?.signature ? t(`model.signature_${model.signature.state}`, { by: model.signature.by }) : null],
  ].filter(([, value]) => value !== null && value !== undefined);
  return el(
    "section",
    { class: "card model", "aria-labelledby": "model-heading" },
    el("header", { class: "part-head" }, el("h2", { id: "model-heading" }, t("model.heading")), cardButton(model)),
    el("dl", { class: "facts-list" }, facts.map(([term, value]) => el("div", {}, el("dt", {}, t(`model.${term}`)), el("dd", {}, value)))),
    renderPerformance(model, level),
    el("p", { class: "hint" }, t("notice")),
  );
}

function cardButton(model) {
  if (!model?.model_card) return null;
  const open = async () => {
    const { renderMarkdown } = await import("./markdown.js");
    openDialog(t("model.card"), el("div", { class: "prose", lang: "en", dir: "ltr" }, renderMarkdown(model.model_card)), { kind: "wide-dialog" });
  };
  return button({ class: "button small", id: "model-card", "aria-haspopup": "dialog" }, open, t("model.card"));
}

function trainedOn(model) {
  const training = model?.training;
  return training ? [el("bdi", {}, training.source), " · ", t("model.records", { count: training.n_records, n: formatNumber(training.n_records) })] : null;
}

/** AUROC of each class with its interval, beside how common the class was in training. */
function renderPerformance(model, level) {
  const performance = model?.performance;
  if (!performance || !model.training) return null;
  const rows = Object.entries(performance.classes).map(([name, { auroc, n_positive }]) =>
    el(
      "tr",
      { "data-class": name },
      el("th", { scope: "row", title: className(name, level) }, ltr(name)),
      el("td", { class: "number" }, renderInterval(auroc)),
      el("td", { class: "number" }, ltr(formatNumber(n_positive))),
      el("td", { class: "number" }, renderPrevalence(model.training, name)),
    ),
  );
  const macro = el("tr", { class: "total" }, el("th", { scope: "row" }, t("model.macro")), el("td", { class: "number" }, renderInterval(performance.macro_auroc)), el("td", { class: "number" }, ltr(formatNumber(performance.n_records))), el("td", {}));
  const columns = ["class", "auroc", "with_label", "prevalence"].map((column) => el("th", { scope: "col" }, t(`model.column_${column}`)));
  const split = has(`splits.${performance.split}`) ? t(`splits.${performance.split}`) : performance.split;
  return [
    el("table", { class: "performance" }, el("caption", {}, t("model.performance", { level: levelName(level), split })), el("thead", {}, el("tr", {}, columns)), el("tbody", {}, rows, macro)),
    el("p", { class: "hint" }, t("model.interval", { confidence: formatPercent(performance.confidence, 0) })),
    performance.caveats.length ? renderCaveats(performance.caveats) : null,
  ];
}

function renderCaveats(caveats) {
  const list = el("ul", { class: "hint caveats", lang: "en", dir: "ltr" }, caveats.map((text) => el("li", {}, text)));
  return el("details", {}, el("summary", {}, t("model.caveats")), list);
}

function renderInterval({ point, low, high }) {
  if (point === null) return "–";
  return ltr(el("b", {}, formatNumber(point, 3)), low === null || high === null ? null : el("small", {}, `${formatNumber(low, 2)} – ${formatNumber(high, 2)}`));
}

function renderPrevalence({ n_positive, prevalence }, name) {
  if (prevalence[name] === undefined) return "–";
  return ltr(formatPercent(prevalence[name], 0), el("small", {}, formatNumber(n_positive[name])));
}
