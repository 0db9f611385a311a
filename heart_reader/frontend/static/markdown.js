// The Markdown of a model card as elements: headings, paragraphs, lists, tables, code, bold.
// Anything else stays text.

import { el } from "./dom.js";

const BLOCKS = [
  { start: /^```/, take: takeCode },
  { start: /^#{1,4} /, take: takeHeading },
  { start: /^\|/, take: takeTable },
  { start: /^[-*] /, take: takeList },
];

/** Elements of a Markdown text; its headings begin one level below `depth`. */
export function renderMarkdown(text, depth = 2) {
  const lines = text.split(/\r?\n/);
  const nodes = [];
  while (lines.length) {
    if (lines[0].trim() === "") {
      lines.shift();
      continue;
    }
    const block = BLOCKS.find(({ start }) => start.test(lines[0]));
    nodes.push(block ? block.take(lines, depth) : takeParagraph(lines));
  }
  return nodes;
}

function takeCode(lines) {
  lines.shift();
  const end = lines.findIndex((line) => line.startsWith("```"));
  const code = lines.splice(0, end < 0 ? lines.length : end);
  lines.shift();
  return el("pre", { tabindex: 0 }, el("code", {}, code.join("\n")));
}

function takeHeading(lines, depth) {
  const [, marks, words] = lines.shift().match(/^(#+) (.*)/);
  return el(`h${Math.min(6, marks.length + depth)}`, {}, inline(words));
}

function takeTable(lines) {
  const rows = takeWhile(lines, /^\|/).map((line) => line.replace(/^\||\|\s*$/g, "").split("|").map((text) => text.trim()));
  const [header, ...body] = rows.filter((cells) => !cells.every((text) => /^:?-+:?$/.test(text)));
  const row = (tag, cells) => el("tr", {}, cells.map((text) => el(tag, tag === "th" ? { scope: "col" } : {}, inline(text))));
  return el("div", { class: "wide", tabindex: 0 }, el("table", {}, el("thead", {}, row("th", header)), el("tbody", {}, body.map((cells) => row("td", cells)))));
}

function takeList(lines) {
  const items = [];
  // A line that is indented goes on with the item before it.
  for (const line of takeWhile(lines, /^([-*] |\s+\S)/)) {
    if (/^[-*] /.test(line)) items.push(line.slice(2));
    else items.push(`${items.pop()} ${line.trim()}`);
  }
  return el("ul", {}, items.map((text) => el("li", {}, inline(text))));
}

function takeParagraph(lines) {
  const words = [lines.shift()];
  while (lines.length && lines[0].trim() !== "" && !BLOCKS.some(({ start }) => start.test(lines[0]))) words.push(lines.shift());
  return el("p", {}, inline(words.join(" ")));
}

function takeWhile(lines, pattern) {
  const taken = [];
  while (lines.length && pattern.test(lines[0])) taken.push(lines.shift());
  return taken;
}

/** Bold, emphasis and code within a line; of a link its words remain. */
function inline(text) {
  const plain = text.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1");
  return plain.split(/(\*\*[^*]+\*\*|`[^`]+`|\*[^*\s][^*]*\*)/).filter(Boolean).map((part) => {
    if (part.startsWith("**")) return el("strong", {}, part.slice(2, -2));
    if (part.startsWith("`")) return el("code", {}, part.slice(1, -1));
    return /^\*[^*]+\*$/.test(part) ? el("em", {}, part.slice(1, -1)) : part;
  });
}
