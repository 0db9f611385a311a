// What the keys do while the sheet has the focus. The list is also what the page's help shows.

import { ZOOM } from "./options.js";

/** Keys as they are printed on a keyboard, and the key of the words for what they do. */
export const TRACING_KEYS = [
  { keys: ["←", "→"], label: "tracing.keys.pan" },
  { keys: ["Shift ←", "Shift →"], label: "tracing.keys.pan_second" },
  { keys: ["Page ↑", "Page ↓"], label: "tracing.keys.page" },
  { keys: ["Home", "End"], label: "tracing.keys.ends" },
  { keys: ["↑", "↓"], label: "tracing.keys.scroll" },
  { keys: ["+", "−"], label: "tracing.keys.zoom" },
  { keys: ["0", "1"], label: "tracing.keys.fit" },
  { keys: ["L"], label: "tracing.keys.layout" },
  { keys: ["E"], label: "tracing.keys.group" },
  { keys: ["T"], label: "tracing.keys.lead" },
  { keys: ["S"], label: "tracing.speed_label" },
  { keys: ["G"], label: "tracing.gain_label" },
  { keys: ["F"], label: "tracing.filter_label" },
  { keys: ["C"], label: "tracing.keys.calipers" },
  { keys: ["M"], label: "tracing.keys.march" },
  { keys: ["I"], label: "tracing.keys.image" },
  { keys: ["Esc"], label: "tracing.keys.escape" },
  { keys: ["←", "→", "↑", "↓"], label: "tracing.keys.caliper_move" },
];

const LARGE_BOX_MM = 5;

/** Do what a key asks for on `view`; answers whether it asked for anything. */
export function pressKey(event, view) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const act = MOVES[event.key] ?? (event.shiftKey ? null : CHANGES[event.key.toLowerCase()]) ?? ZOOMS[event.key];
  if (!act) return false;
  return act(view, event.shiftKey) !== false;
}

const boxes = (count) => (view, shift) => view.panBy(count * (shift ? view.options.speed : LARGE_BOX_MM), 0);
const MOVES = {
  ArrowLeft: boxes(-1),
  ArrowRight: boxes(1),
  ArrowUp: (view) => view.panBy(0, -LARGE_BOX_MM),
  ArrowDown: (view) => view.panBy(0, LARGE_BOX_MM),
  PageUp: (view) => view.goTo(view.options.startS - view.viewport.spanS),
  PageDown: (view) => view.goTo(view.options.startS + view.viewport.spanS),
  Home: (view) => view.goTo(0),
  End: (view) => view.goTo(Infinity),
};
const ZOOMS = {
  "+": (view) => view.zoomBy(ZOOM.step),
  "=": (view) => view.zoomBy(ZOOM.step),
  "-": (view) => view.zoomBy(1 / ZOOM.step),
  _: (view) => view.zoomBy(1 / ZOOM.step),
};
const CHANGES = {
  0: (view) => view.change({ zoom: "fit" }),
  1: (view) => view.change({ zoom: 1 }),
  l: (view) => view.advance("layout"),
  e: (view) => view.advance("group"),
  t: (view) => view.advance("rhythmLead"),
  s: (view) => view.advance("speed"),
  g: (view) => view.advance("gain"),
  f: (view) => view.advance("filter"),
  c: (view) => view.toggleCalipers(),
  m: (view) => view.toggleMarch(),
  i: (view) => view.saveImage(),
  // Without calipers the key is the page's.
  escape: (view) => (view.calipers.active ? view.toggleCalipers(false) : false),
};
