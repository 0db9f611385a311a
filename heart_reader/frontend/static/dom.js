// Building elements without markup strings: text from files and servers can only ever become text.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; `children` are nodes or text, null is skipped. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button that does `act` when it is pressed. */
export function button(attributes, act, ...children) {
  const node = el("button", { type: "button", class: "button", ...attributes }, ...children);
  node.addEventListener("click", act);
  return node;
}

/** Text that keeps its own direction, such as a file name in a page of another script. */
export const isolated = (...children) => el("bdi", {}, ...children);

/** Numbers, units and lead names, which read from left to right in every language. */
export const ltr = (...children) => el("bdi", { dir: "ltr" }, ...children);

/** Offer `content` as a file to be saved. */
export function save(content, type, name) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The element with this id. @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);
