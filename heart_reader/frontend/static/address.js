// The address of a sample's reading: #sample=norm&t=2.5&layout=12x1&gain=20. What was uploaded
// never appears in an address.

import { DEFAULTS, mergeOptions, startingOptions } from "./tracing/options.js";

// Options of the tracing by their names in an address. The scale is not among them: it is a matter
// of the screen.
const FIELDS = { layout: "layout", speed: "speed", gain: "gain", rhythmLead: "lead", filter: "filter", group: "group" };

/**
 * What the address asks for, or null: { sample, options, reader }. What it does not name, or names wrongly,
 * is as on a fresh page.
 */
export function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const sample = fields.get("sample");
  if (!sample) return null;
  const asked = Object.entries(FIELDS).flatMap(([name, field]) => (fields.has(field) ? [[name, fields.get(field)]] : []));
  const { zoom, ...options } = mergeOptions(startingOptions(), { ...Object.fromEntries(asked), startS: fields.get("t") });
  return { sample, options, reader: fields.get("reader") };
}

/**
 * Put a sample and its options into the address, null takes them out; `step` adds to the browser's
 * history.
 */
export function writeAddress(view, step = false) {
  const hash = view === null ? "" : `#${describe(view)}`;
  if (hash === location.hash) return;
  history[step ? "pushState" : "replaceState"](null, "", `${location.pathname}${location.search}${hash}`);
}

function describe({ sample, options, reader }) {
  const fields = new URLSearchParams({ sample });
  if (reader) fields.set("reader", reader);
  if (options.startS > 0) fields.set("t", String(Math.round(100 * options.startS) / 100));
  const start = startingOptions();
  for (const [name, field] of Object.entries(FIELDS)) {
    // A narrow screen begins otherwise than a wide one; the address must mean the same on both.
    const usual = options[name] === DEFAULTS[name] && options[name] === start[name];
    if (!usual) fields.set(field, options[name]);
  }
  return fields;
}
