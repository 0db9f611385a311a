// What the browser keeps: theme, language and the scale of the screen; nothing about a person or a
// reading.

const PREFIX = "heart_reader.";

/** The text kept under `name`, or null. */
export function stored(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // storage may be forbidden
  }
}

/** Keep a text where storage is allowed. */
export function store(name, text) {
  try {
    localStorage.setItem(PREFIX + name, text);
  } catch {
    // Then it lasts as long as the tab.
  }
}
