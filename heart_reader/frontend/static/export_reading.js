// A reading as a file: JSON as answered, or CSV for a spreadsheet, with plain numbers in every
// language.

import { save } from "./dom.js";
import { className } from "./classes.js";
import { digitsOf, measurementName, measurementNames, placeInRange, rangeOf, unitOf } from "./measurements.js";

const COLUMNS = ["section", "name", "label", "value", "unit", "threshold", "zone_low", "zone_high", "decision", "limit_low", "limit_high", "note"];

/** A file name made of a record's name: what could be a path or a command stays outside. */
const fileName = ({ record_id }, ending) => `${record_id.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^\.+/, "_")}.reading.${ending}`;

export const saveJson = (reading) => save(JSON.stringify(reading, null, 2), "application/json", fileName(reading, "json"));

export const saveCsv = (reading) => save(readingCsv(reading), "text/csv;charset=utf-8", fileName(reading, "csv"));

/**
 * The reading as CSV text: the notice first, then the record, quality, every class of every level,
 * and the measurements.
 */
export function readingCsv(reading) {
  const rows = [
    { section: "notice", note: reading.notice },
    ...["record_id", "source_format"].map((name) => ({ section: "record", name, value: reading[name] })),
    { section: "record", name: "fs", value: reading.fs, unit: "Hz" },
    { section: "record", name: "duration", value: reading.duration_s, unit: "s" },
    ...["age", "sex"].filter((name) => reading[name] !== null && reading[name] !== undefined).map((name) => ({ section: "record", name, value: reading[name] })),
    ...Object.entries(reading.model).map(([name, value]) => ({ section: "model", name, value })),
    { section: "quality", name: "verdict", value: reading.quality.verdict, note: `${reading.quality.n_usable_leads} of ${reading.quality.n_leads} leads` },
    ...reading.warnings.map((note) => ({ section: "warning", note })),
    ...Object.entries(reading.levels).flatMap(([level, classes]) => Object.entries(classes).map(([name, entry]) => classRow(level, name, entry))),
    ...measurementNames(reading.measurements).map((name) => measurementRow(name, reading)),
    ...recorderRows(reading.device_report),
  ];
  // Spreadsheets recognise UTF-8 by the mark at the beginning.
  return `\ufeff${[COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column] ?? ""))].map((cells) => cells.map(quote).join(",")).join("\r\n")}\r\n`;
}

function classRow(level, name, { probability, threshold, zone, decision }) {
  return { section: level, name, label: className(name, level), value: probability, threshold, zone_low: zone?.[0], zone_high: zone?.[1], decision };
}

function measurementRow(name, reading) {
  const { value, reason } = reading.measurements[name];
  const range = rangeOf(name, reading);
  const place = placeInRange(value, range);
  return {
    section: "measurement",
    name,
    label: measurementName(name),
    value: value === null ? "" : Number(value.toFixed(digitsOf(name) + 1)),
    unit: unitOf(name, reading.measurements[name]),
    decision: place,
    limit_low: range?.low,
    limit_high: range?.high ?? range?.below,
    note: reason,
  };
}

/** What the recorder stated, in a section of its own. */
function recorderRows(said) {
  if (!said) return [];
  const numbers = measurementNames(said.measurements).map((name) => ({ section: "recorder", name, label: measurementName(name), value: said.measurements[name], unit: unitOf(name) }));
  return [...numbers, ...said.statements.map((note) => ({ section: "recorder", name: "statement", note }))];
}

/** One cell. Text that a spreadsheet would take for a formula gets an apostrophe before it. */
function quote(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
