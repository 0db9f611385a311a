// Which leads are drawn, and in which order.

export const STANDARD_LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
const LIMB = STANDARD_LEADS.slice(0, 6);
const CHEST = STANDARD_LEADS.slice(6);
// Cabrera: the limb leads in the order of their angles, so that neighbours look alike. aVR is
// turned over to -aVR.
const CABRERA = ["aVL", "I", "-aVR", "II", "aVF", "III"];
const ORDERS = {
  standard: [...LIMB, ...CHEST],
  cabrera: [...CABRERA, ...CHEST],
  limb: LIMB,
  "limb-cabrera": CABRERA,
  chest: CHEST,
};
const FURTHER_CHEST = /^V\d+R?$/;

export const GROUPS = Object.keys(ORDERS);
// What is looked at first when a rhythm is read.
const RHYTHM_PREFERENCE = ["II", "MLII", "V1", "V5"];

/** "aVR" for "-aVR". */
export const recordedName = (name) => (name.startsWith("-") ? name.slice(1) : name);

/** "−aVR" with a true minus for the eye. */
export const shownName = (name) => name.replace("-", "−");

/**
 * Leads of a group in its order. A recording with half of the twelve keeps a place for those that
 * are missing;
 * one with fewer shows what it has. Leads outside the twelve follow.
 */
export function orderLeads(group, recorded) {
  const order = ORDERS[group];
  const standard = recorded.filter((name) => STANDARD_LEADS.includes(name));
  const placed = standard.length >= STANDARD_LEADS.length / 2 ? order : order.filter((name) => recorded.includes(recordedName(name)));
  const further = recorded.filter((name) => !STANDARD_LEADS.includes(name));
  if (group === "chest") return [...placed, ...further.filter((name) => FURTHER_CHEST.test(name))];
  return group.startsWith("limb") ? placed : [...placed, ...further];
}

/**
 * The lead to draw as the rhythm strip: the one asked for, or the first usual one that was
 * recorded.
 */
export function chooseRhythm(asked, recorded) {
  return [asked, ...RHYTHM_PREFERENCE].find((name) => recorded.includes(name)) ?? recorded[0];
}
