// The classes of a level with their numbers: name, bar, probability, threshold, decision, and what
// lies below each class.

import { button, el, ltr } from "./dom.js";
import { className, explanation, levelName } from "./classes.js";
import { formatPercent, t } from "./i18n.js";

// The columns of the table stay a table for assistive technology where a narrow screen stacks them.
const cell = (attributes, ...children) => el("td", { role: "cell", ...attributes }, ...children);
const COLUMNS = ["name", "value", "bar", "decision", "why"];
const head = (attributes, ...children) => el("th", { role: "columnheader", scope: "col", ...attributes }, ...children);

/**
 * A table of the classes `names` of a level. `view` holds the reading, the `reader` (lay or
 * clinical), the `tree` of statements, and
 * `explain`, which is called with level, class and button when a person asks for the reason.
 */
export function renderFindings(level, names, view) {
  const classes = view.reading.levels[level];
  const zoned = names.some((name) => classes[name].zone);
  return el(
    "table",
    { class: "classes", role: "table" },
    el("caption", { class: "visually-hidden" }, levelName(level)),
    el("colgroup", {}, COLUMNS.map((name) => el("col", { class: `${name}-column` }))),
    el(
      "thead",
      { role: "rowgroup" },
      el(
        "tr",
        { role: "row" },
        head({}, t("reading.label")),
        head({ colspan: 2 }, t("reading.probability_label")),
        head({}, t("reading.decision")),
        head({}, el("span", { class: "visually-hidden" }, t("reading.reason"))),
      ),
    ),
    el("tbody", { role: "rowgroup" }, names.map((name) => renderBranch(level, name, view, 0))),
    el(
      "tfoot",
      { "aria-hidden": "true" },
      el("tr", {}, el("td", { colspan: 2 }), el("td", {}, renderScale()), el("td", { colspan: 2 })),
      el("tr", {}, el("td", { colspan: 5, class: "legend" }, renderLegend(zoned))),
    ),
  );
}

/** The row of a class; those of the classes below it are made when somebody opens it. */
function renderBranch(level, name, view, depth) {
  const below = depth === 2 ? null : classesBelow(view.tree, level, name);
  const classes = below && view.reading.levels[below.level];
  const names = classes ? below.names.filter((child) => child in classes).sort((a, b) => classes[b].probability - classes[a].probability) : [];
  const renderBelow = () => names.map((child) => renderBranch(below.level, child, view, depth + 1));
  return renderRow(level, name, view, depth, names.length ? renderBelow : null);
}

/**
 * The subclasses of a superclass or the statements of a subclass, with the level whose reading they
 * have; null where there is only
 * one, which would stand there twice.
 */
function classesBelow(tree, level, name) {
  const [finer, names] = {
    superdiagnostic: ["subdiagnostic", Object.keys(tree[name] ?? {})],
    subdiagnostic: ["all", Object.values(tree).flatMap((subclasses) => subclasses[name] ?? [])],
  }[level] ?? [null, []];
  return names.length > 1 ? { level: finer, names } : null;
}

let lastId = 0;

function renderRow(level, name, view, depth, renderBelow) {
  const entry = view.reading.levels[level][name];
  const words = explanation(name, level, view.reader);
  const title = className(name, level);
  const row = el(
    "tr",
    { role: "row", "data-class": name, "data-level": level, "data-depth": depth, "data-decision": entry.decision, id: `finding-${(lastId += 1)}` },
    el(
      "th",
      { role: "rowheader", scope: "row" },
      renderBelow === null ? null : toggleButton(title, () => openBranch(row, renderBelow), () => row.branch.forEach(closeBranch)),
      el("span", { class: "class-name" }, title, " ", title === name ? null : el("bdi", { dir: "ltr", class: "code" }, name)),
      words === null ? null : el("small", { class: "class-words" }, words),
    ),
    cell({ class: "number value" }, ltr(formatPercent(entry.probability))),
    cell({ class: "bar-cell" }, renderBar(entry, spread(view.reading, level, name)), renderRange(view.reading, level, name, entry)),
    cell({ class: "decision-cell" }, renderDecision(entry.decision), renderLimits(entry)),
    cell({ class: "why-cell" }, whyButton(level, name, title, view)),
  );
  row.branch = [];
  return row;
}

function toggleButton(title, open, close) {
  const toggle = button({ class: "toggle", "aria-expanded": "false", "aria-label": t("reading.below", { name: title }) }, () => {
    const opening = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(opening));
    if (opening) toggle.setAttribute("aria-controls", open());
    else close();
  });
  return toggle;
}

/** Show the rows below a row; answers their ids. */
function openBranch(row, renderBelow) {
  if (!row.branch.length) {
    row.branch = renderBelow();
    row.after(...row.branch);
  }
  for (const child of row.branch) child.hidden = false;
  return row.branch.map(({ id }) => id).join(" ");
}

function closeBranch(row) {
  row.hidden = true;
  row.querySelector(".toggle")?.setAttribute("aria-expanded", "false");
  row.branch.forEach(closeBranch);
}

function whyButton(level, name, title, view) {
  const label = t("reason.ask", { name: title });
  const ask = button({ class: "button small why", "aria-label": label, title: label }, () => view.explain(level, name, ask), t("reason.button"));
  return ask;
}

/** Lowest and highest probability over the windows; null for levels without windows. */
export function spread({ levels, timeline }, level, name) {
  if (level !== Object.keys(levels)[0] || timeline.length < 2) return null;
  const values = timeline.map(({ probabilities }) => probabilities[name]);
  return [Math.min(...values), Math.max(...values)];
}

/**
 * A bar from 0 to 100 % with threshold, uncertain zone and the range over the windows; all of it
 * stands beside it in words.
 */
export function renderBar({ probability, threshold, zone, decision }, range = null) {
  const fill = place(el("span", { class: `bar-fill ${decision}` }), 0, probability);
  const bar = el("span", { class: "bar", "aria-hidden": "true", dir: "ltr" }, el("span", { class: "bar-track" }, fill));
  if (zone) bar.append(place(el("span", { class: "zone" }), ...zone));
  if (range) bar.append(place(el("span", { class: "spread" }), ...range));
  if (threshold !== null) bar.append(place(el("span", { class: "tick" }), threshold, null));
  return bar;
}

function place(part, from, to) {
  part.style.left = `${100 * from}%`;
  if (to !== null) part.style.width = `${100 * (to - from)}%`;
  return part;
}

function renderRange(reading, level, name, { maximum }) {
  const range = spread(reading, level, name);
  if (range === null) return maximum === undefined || maximum === null ? null : el("small", {}, t("reading.highest", { value: formatPercent(maximum) }));
  const [low, high] = range.map((value) => formatPercent(value, 0));
  return el("small", {}, low === high ? t("reading.windows_steady", { value: low }) : t("reading.windows", { low, high }));
}

function renderLimits({ threshold, zone }) {
  const limit = threshold === null ? t("reading.no_threshold") : t("reading.threshold", { value: formatPercent(threshold) });
  return [el("small", {}, limit), zone ? el("small", {}, zoneText(zone)) : null];
}

/** An end at 0 or 1 is open: validation held too few cases to limit the zone there. */
function zoneText([low, high]) {
  if (low === high) return t("zone.none");
  if (low <= 0 && high >= 1) return t("zone.always");
  if (low <= 0) return t("zone.up_to", { high: formatPercent(high) });
  if (high >= 1) return t("zone.from", { low: formatPercent(low) });
  return t("zone.between", { low: formatPercent(low), high: formatPercent(high) });
}

/** A decision by its mark and its word, never by colour alone. */
export const renderDecision = (decision) => el("span", { class: `decision ${decision}` }, t(`decisions.${decision}`));

function renderLegend(zoned) {
  return [
    el("span", {}, el("span", { class: "tick-sample" }), t("reading.threshold_legend")),
    zoned ? el("span", {}, el("span", { class: "zone-sample" }), t("reading.zone_legend")) : null,
    el("span", {}, el("span", { class: "spread-sample" }), t("reading.spread_legend")),
  ];
}

function renderScale() {
  return el("span", { class: "scale", dir: "ltr" }, [0, 0.5, 1].map((value) => el("span", {}, formatPercent(value, 0))));
}
