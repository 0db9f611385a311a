// From a reading to normal, abnormal or uncertain. An uncertain ECG is a result, and nothing is called normal by default.

import { NORMAL } from "./taxonomy.js";

/**
 * What the level of interest says as a whole: `kind` is normal, abnormal, uncertain, none or unrated; `why` says what made it so;
 * `named` are the classes to show with it, each with its reading.
 */
export function judge(reading) {
  const [classes] = Object.values(reading.levels);
  const entries = Object.entries(classes).map(([name, entry]) => ({ name, ...entry })).sort((a, b) => b.probability - a.probability);
  const normal = entries.find(({ name }) => NORMAL.has(name));
  const others = entries.filter(({ name }) => !NORMAL.has(name));
  const present = others.filter(({ decision }) => decision === "present");
  const open = others.filter(({ decision }) => decision === "uncertain");
  const withNormal = (found) => (normal ? [...found, normal] : found);
  if (reading.quality.verdict === "poor") return { kind: "unrated", why: "poor", named: [] };
  if (present.length && normal?.decision === "present") return { kind: "uncertain", why: "contradiction", named: withNormal(present) };
  if (present.length) return { kind: "abnormal", why: "present", named: withNormal(present) };
  if (open.length) return { kind: "uncertain", why: "open", named: withNormal(open) };
  if (normal === undefined) return { kind: "none", why: "none", named: others.slice(0, 1) };
  if (normal.decision === "present") return { kind: "normal", why: "normal", named: [normal, ...others.slice(0, 1)] };
  return { kind: "uncertain", why: normal.decision === "uncertain" ? "open" : "nothing", named: [normal, ...others.slice(0, 1)] };
}
