// Colours and patterns of a long recording. A kind of episode is known by its lane, its name and
// its pattern, a class of beats by its letter: never by colour alone.

import { THEMES } from "../tracing/paper.js";

export const COLOURS = {
  paper: { ground: "#fffefc", lane: "#f6f3ee", grid: "#e3ddd3", text: "#535b63", line: "#17405e", band: "#c3d5e3", signal: "#3d4750", chosen: "#1b2126", beats: { N: "#3d4750", S: "#00687f", V: "#b3261e", F: "#7a3f9d", Q: "#6b6b6b" } },
  dark: { ground: "#11171d", lane: "#171f27", grid: "#26313b", text: "#a3b1bd", line: "#00df80", band: "#154a37", signal: "#9fb0bc", chosen: "#e4ebf0", beats: { N: "#9fb0bc", S: "#57cbe6", V: "#ff8a7a", F: "#cf9cff", Q: "#a9a9a9" } },
};

/** "paper" or "dark" for the colours of a tracing. */
export const themeOf = (colours) => (colours === THEMES.dark ? "dark" : "paper");

const KINDS = {
  atrial_fibrillation: { paper: "#a65300", dark: "#ffb054", pattern: "falling" },
  atrial_flutter: { paper: "#7a6200", dark: "#e6cc4a", pattern: "rising" },
  pause: { paper: "#1c57b0", dark: "#84b8ff", pattern: "upright" },
  ventricular_run: { paper: "#b3261e", dark: "#ff8a7a", pattern: "full" },
  supraventricular_run: { paper: "#00687f", dark: "#57cbe6", pattern: "dots" },
  bradycardia: { paper: "#46661c", dark: "#a9d36a", pattern: "level" },
  tachycardia: { paper: "#8a2f7a", dark: "#f09be0", pattern: "crossed" },
};
const SAME_AS = { idioventricular_rhythm: "ventricular_run", ventricular_tachycardia: "ventricular_run", supraventricular_tachycardia: "supraventricular_run" };
const OTHER = { paper: "#5b5148", dark: "#cbb9a6", pattern: "grid" };
const TILE = 6;

const lookOf = (kind) => KINDS[SAME_AS[kind] ?? kind] ?? OTHER;

export const kindColour = (kind, theme) => lookOf(kind)[theme];

const tiles = new Map();

/** The pattern of a kind as an image that can be repeated; `ratio` is device pixels per CSS pixel. */
export function kindTile(kind, theme, ratio) {
  const { pattern, [theme]: colour } = lookOf(kind);
  const key = `${pattern} ${colour} ${ratio}`;
  if (!tiles.has(key)) tiles.set(key, drawTile(pattern, colour, ratio));
  return tiles.get(key);
}

// Each pattern as lines and points of a tile; lines go beyond it, so that tiles join.
const STROKES = {
  full: [],
  falling: [[-1, -1, 7, 7], [-1, 5, 1, 7], [5, -1, 7, 1]],
  rising: [[-1, 7, 7, -1], [-1, 1, 1, -1], [5, 7, 7, 5]],
  upright: [[1.5, 0, 1.5, 6], [4.5, 0, 4.5, 6]],
  level: [[0, 1.5, 6, 1.5], [0, 4.5, 6, 4.5]],
  crossed: [[-1, -1, 7, 7], [-1, 7, 7, -1]],
  grid: [[3, 0, 3, 6], [0, 3, 6, 3]],
  dots: [[1, 1.5, 2.5, 1.5], [4, 4.5, 5.5, 4.5]],
};

function drawTile(pattern, colour, ratio) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.round(TILE * ratio);
  const pen = tile.getContext("2d");
  pen.scale(tile.width / TILE, tile.height / TILE);
  pen.globalAlpha = pattern === "full" ? 1 : 0.34;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, TILE, TILE);
  pen.globalAlpha = 1;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  for (const [fromX, fromY, toX, toY] of STROKES[pattern]) {
    pen.beginPath();
    pen.moveTo(fromX, fromY);
    pen.lineTo(toX, toY);
    pen.stroke();
  }
  return tile;
}
