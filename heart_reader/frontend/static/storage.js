// What the browser keeps between visits: theme, language and the scale of the screen; nothing about a person or a reading.

const PREFIX = "heart_reader.";

/** The text kept under `name`, or null. */
export function stored(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // storage may be forbidden
  }
}

/** Keep a text; where storage is forbidden, a choice lasts as long as the tab. */
export function store(name, text) {
  try {
    localStorage.setItem(PREFIX + name, text);
  } catch {
    // The caller has it in memory.
  }
}
