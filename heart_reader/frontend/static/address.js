// The address of a sample's reading: #sample=norm&t=2.5&layout=12x1. What was uploaded never appears in an address.

/** What the address asks for: { sample, t, layout }, or null. */
export function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const sample = fields.get("sample");
  if (!sample) return null;
  const t = Number(fields.get("t"));
  return { sample, t: Number.isFinite(t) && t > 0 ? t : 0, layout: fields.get("layout") };
}

/** Put a view into the address, or take it out with null. `step` makes it a step of the browser's history. */
export function writeAddress(view, step = false) {
  const hash = view === null ? "" : `#${describe(view)}`;
  if (hash === location.hash) return;
  history[step ? "pushState" : "replaceState"](null, "", `${location.pathname}${location.search}${hash}`);
}

function describe({ sample, t, layout }) {
  const fields = new URLSearchParams({ sample });
  if (t > 0) fields.set("t", String(Math.round(100 * t) / 100));
  if (layout) fields.set("layout", layout);
  return fields;
}
