// Mouse, wheel and fingers: one pans or measures, two pinch; the wheel moves in time, with Ctrl it
// zooms.

const WHEEL_LINE_PX = 16;
const PINCH_PER_PX = 0.0022;
const LEAST_MOVE_PX = 3;

/**
 * Listen on `sheet`. `acts` holds `pan(dx, dy)` answering whether anything moved, `panEnd()`,
 * `zoom(factor, x, y)`, `measures()`,
 * `measure(from, to)` and `measureEnd()`; points are `{ x, y }` in CSS pixels of the sheet.
 */
export function listenForGestures(sheet, acts) {
  const pointers = new Map();
  let from = null;
  let measured = false;

  const pointOf = (event) => {
    const box = sheet.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  sheet.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, pointOf(event));
    sheet.setPointerCapture(event.pointerId);
    from = pointOf(event);
    measured = false;
  });

  sheet.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = pointOf(event);
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) return pinch(pointers, event.pointerId, before, now, acts);
    if (!acts.measures()) return void acts.pan(before.x - now.x, before.y - now.y);
    if (!measured && Math.hypot(now.x - from.x, now.y - from.y) < LEAST_MOVE_PX) return undefined;
    measured = true;
    return acts.measure(from, now);
  });

  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (measured) acts.measureEnd();
    else acts.panEnd();
    measured = false;
  };
  for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, release);

  sheet.addEventListener("wheel", (event) => turnWheel(event, pointOf(event), acts), { passive: false });
}

function pinch(pointers, moved, before, now, acts) {
  const other = [...pointers].find(([id]) => id !== moved)[1];
  const distance = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
  const [dx, dy] = [(before.x - now.x) / 2, (before.y - now.y) / 2];
  // While one finger measures, two still move the page.
  if (!acts.pan(dx, dy)) window.scrollBy(0, dy);
  acts.zoom(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
}

function turnWheel(event, point, acts) {
  const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE_PX : 1;
  const [dx, dy] = event.shiftKey ? [event.deltaX + event.deltaY, 0] : [event.deltaX, event.deltaY];
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    acts.zoom(Math.exp(-event.deltaY * unit * PINCH_PER_PX), point.x, point.y);
  } else if (acts.pan(dx * unit, dy * unit)) {
    // At an edge the page scrolls on.
    event.preventDefault();
    acts.panEnd();
  }
}
