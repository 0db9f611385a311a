// What can be chosen about a tracing, and nothing else: what comes from a URL is checked here.

import { GROUPS } from "./leads.js";

export const LAYOUTS = ["3x4-rhythm", "3x4", "6x2", "12x1", "single", "overlay"];
export const SPEEDS = [25, 50];
export const GAINS = [5, 10, 20];
export const FILTERS = ["off", "150", "40", "notch50", "notch60"];
export { GROUPS };
// 1 is true size; "fit" is the page in the width there is.
export const ZOOM = { least: 0.25, most: 6, step: 1.25 };

/**
 * `startS` in seconds, `zoom` a multiple of true size.
 * @typedef {{ layout: string, speed: number, gain: number, rhythmLead: string, filter: string, group: string, startS: number, zoom: number | "fit" }} TracingOptions
 */

/** @type {Readonly<TracingOptions>} */
export const DEFAULTS = Object.freeze({
  layout: "3x4-rhythm",
  speed: 25,
  gain: 10,
  rhythmLead: "II",
  filter: "off",
  group: "standard",
  startS: 0,
  zoom: "fit",
});

const NARROW_PX = 560;

/** The options that a tracing begins with; a narrow screen has no room for columns. */
export const startingOptions = () => (window.innerWidth < NARROW_PX ? { ...DEFAULTS, layout: "12x1" } : DEFAULTS);

const oneOf = (values, value, otherwise) => values.find((known) => String(known) === String(value)) ?? otherwise;

/**
 * `changes` on top of `options`; a value that is not known changes nothing.
 * @param {TracingOptions} options
 * @param {Partial<Record<keyof TracingOptions, unknown>>} changes
 * @returns {TracingOptions}
 */
export function mergeOptions(options, changes) {
  const merged = { ...options, ...changes };
  const start = Number(merged.startS);
  const zoom = Number(merged.zoom);
  return {
    layout: oneOf(LAYOUTS, merged.layout, options.layout),
    speed: oneOf(SPEEDS, merged.speed, options.speed),
    gain: oneOf(GAINS, merged.gain, options.gain),
    rhythmLead: typeof merged.rhythmLead === "string" && merged.rhythmLead.length <= 40 ? merged.rhythmLead : options.rhythmLead,
    filter: oneOf(FILTERS, merged.filter, options.filter),
    group: oneOf(GROUPS, merged.group, options.group),
    startS: Number.isFinite(start) && start >= 0 ? start : options.startS,
    zoom: Number.isFinite(zoom) && zoom > 0 ? Math.min(ZOOM.most, Math.max(ZOOM.least, zoom)) : "fit",
  };
}

/** The value after `value`, round and round. */
export const nextOf = (values, value) => values[(values.indexOf(value) + 1) % values.length];
