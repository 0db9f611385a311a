"""The tracing: true millimetres, layouts, calipers, filters, images; mouse, touch, keyboard."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytestmark = pytest.mark.browser

LAYOUTS = ["3x4-rhythm", "3x4", "6x2", "12x1", "single", "overlay"]
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
PAPER, THICK = (0xFF, 0xF4, 0xF4), (0xE0, 0xA0, 0xA0)
CSS_PX_PER_MM = 96 / 25.4
STATIC = Path(__file__).resolve().parents[2] / "heart_reader" / "frontend" / "static"

# A tracing of its own beside those of the page, for what the page itself does not ask of it.
MAKE_VIEW = """async (sample) => {
  const { TracingView } = await import("/static/tracing/view.js");
  const { Waveform } = await import("/static/waveform.js");
  const answer = await (await fetch(`api/v1/samples/${sample}`)).json();
  const section = Object.assign(document.createElement("section"), { id: "own", className: "card" });
  document.querySelector("main").prepend(section);
  window.reported = [];
  window.view = new TracingView(section, (options) => window.reported.push(options));
  window.view.show(new Waveform(answer.waveform), answer);
}"""


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    """The opened page."""
    return visit(has_touch=True)


def pick(page: Any, sample: str) -> None:
    page.click(f"[data-sample='{sample}']")
    page.wait_for_function("id => document.getElementById('record-heading')?.textContent === id", arg=sample)
    page.wait_for_selector("#reading:not([hidden])")


def choose(page: Any, option: str, value: object) -> None:
    page.select_option(f"#tracing [data-option='{option}']", str(value))


def picture(page: Any, layer: str, root: str = "#tracing") -> NDArray[np.int64]:
    """Return one canvas of the tracing, "paper" or "traces", as (height, width, 4)."""
    address = page.evaluate("(at) => document.querySelector(at).toDataURL()", f"{root} .tracing-{layer}")
    return decode(base64.b64decode(address.split(",")[1]))


def decode(png: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(np.int64)


def px_per_mm(page: Any) -> float:
    """The scale, measured on the large boxes that were drawn."""
    paper = picture(page, "paper")
    row = paper[2, :, :3]
    lines = np.flatnonzero((row == THICK).all(axis=1))
    starts = lines[np.diff(lines, prepend=-9) > 1]
    return float((starts[-1] - starts[0]) / (len(starts) - 1) / 5)


def extent_of_traces(page: Any, left: float, right: float, rows: slice) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom, in pixels, of the traces between two columns."""
    drawn = picture(page, "traces")[rows, round(left) : round(right), 3] > 100
    y, x = np.nonzero(drawn)
    return x.min() + left, x.max() + 1 + left, y.min(), y.max() + 1


def value_of_calipers(page: Any) -> tuple[int, str, float]:
    ms, rate, mv = page.inner_text("#tracing .caliper-value").split(" · ")
    return int(ms.removesuffix(" ms")), rate.removesuffix(" /min"), float(mv.removesuffix(" mV"))


@pytest.mark.parametrize(("speed", "gain"), [(25, 10), (50, 10), (25, 20), (50, 5)])
def test_a_pulse_covers_as_many_millimetres_as_speed_and_gain_say(page: Any, speed: int, gain: int) -> None:
    """The recording is a pulse of 1 mV from 0.4 to 0.6 s of every second."""
    pick(page, "ten_seconds")
    choose(page, "layout", "12x1")
    choose(page, "speed", speed)
    choose(page, "gain", gain)
    scale = px_per_mm(page)
    geometry = page.evaluate(
        """async ([speed, gain, scale]) => {
          const { ON_SCREEN, planSheet } = await import("/static/tracing/layout.js");
          const { DEFAULTS } = await import("/static/tracing/options.js");
          const { textMm } = await import("/static/tracing/paper.js");
          const reach = () => ({ up: 1000, down: 0 });
          const room = { ...ON_SCREEN, label: textMm(ON_SCREEN.label, scale) };
          const sheet = planSheet({ ...DEFAULTS, layout: "12x1", speed, gain }, ["I", "II", "III", "aVR", "aVL", "aVF"], reach, room);
          return [sheet.traceX, sheet.rows[0].bottom];
        }""",
        [speed, gain, scale],
    )
    start, bottom = (value * scale for value in geometry)
    left, right, top, base = extent_of_traces(page, start + 0.3 * speed * scale, start + 0.7 * speed * scale, slice(0, round(bottom)))
    assert (base - top) / scale == pytest.approx(gain + 0.3, abs=1.5 / scale)  # whole pixels
    left, right, _, _ = extent_of_traces(page, start + 0.3 * speed * scale, start + 0.7 * speed * scale, slice(top, top + 3))
    assert (left - start) / scale == pytest.approx(0.4 * speed, abs=0.5)
    assert (right - left) / scale == pytest.approx(0.2 * speed + 0.3, abs=0.5)
    assert f"{speed} mm/s  {gain} mm/mV" in page.inner_text("#tracing .tracing-setting")


def test_true_size_is_what_the_browser_or_a_ruler_calls_a_millimetre_and_fit_is_the_whole_page(page: Any) -> None:
    pick(page, "ten_seconds")
    page.click("#tracing [data-tool='true_size']")
    assert px_per_mm(page) == pytest.approx(CSS_PX_PER_MM, rel=0.002)
    page.click("#tracing [data-tool='ruler']")
    page.fill("#tracing .tracing-ruler input", "300")
    page.click("#tracing .tracing-ruler [type='submit']")
    assert "measure the bar" in page.inner_text("#tracing .tracing-ruler")
    page.fill("#tracing .tracing-ruler input", "90")
    page.keyboard.press("Enter")
    assert page.is_hidden("#tracing .tracing-ruler")
    assert px_per_mm(page) == pytest.approx(CSS_PX_PER_MM * 100 / 90, rel=0.002)
    page.click("#tracing [data-tool='fit']")
    assert (5 * px_per_mm(page)) == pytest.approx(round(5 * px_per_mm(page)), abs=0.02)  # an even grid
    assert page.eval_on_selector("#tracing .tracing-sheet", "sheet => sheet.scrollWidth <= sheet.parentElement.clientWidth")


@pytest.mark.parametrize("group", ["standard", "cabrera", "limb", "limb-cabrera", "chest"])
def test_no_layout_clips_a_trace_or_writes_over_one(page: Any, group: str) -> None:
    pick(page, "ten_seconds")
    choose(page, "group", group)
    for layout in LAYOUTS:
        choose(page, "layout", layout)
        check_sheet(page)


def check_sheet(page: Any) -> None:
    traces, paper = picture(page, "traces"), picture(page, "paper")
    drawn = traces[..., 3] > 128
    assert drawn.any()
    assert not drawn[:3].any()
    assert not drawn[:, :8].any()
    name = (paper[..., :3].sum(axis=2) < 250) & (paper[..., 2] > paper[..., 0])  # lead names are bluish black, pulses and marks black
    assert name.sum() > 10
    assert (name & drawn).sum() == 0
    shown = page.get_attribute("#tracing .tracing-paper", "aria-label")
    assert page.eval_on_selector("#tracing [data-option='layout']", "select => select.selectedOptions[0].textContent") in shown


def test_the_rhythm_strip_is_the_lead_that_was_chosen_and_the_minus_of_cabrera_turns_avr_over(page: Any) -> None:
    plan = """async ([layout, group, rhythmLead]) => {
      const { planSheet } = await import("/static/tracing/layout.js");
      const { DEFAULTS } = await import("/static/tracing/options.js");
      const leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
      const sheet = planSheet({ ...DEFAULTS, layout, group, rhythmLead }, leads, () => ({ up: 1000, down: 500 }));
      return sheet.rows.map(({ strips }) => strips.map(({ name, startS }) => `${name} ${startS}`));
    }"""
    rows = page.evaluate(plan, ["3x4-rhythm", "standard", "V5"])
    assert rows == [
        ["I 0", "aVR 2.5", "V1 5", "V4 7.5"],
        ["II 0", "aVL 2.5", "V2 5", "V5 7.5"],
        ["III 0", "aVF 2.5", "V3 5", "V6 7.5"],
        ["V5 0"],
    ]
    rows = page.evaluate(plan, ["6x2", "cabrera", "II"])
    assert [row[0].split()[0] for row in rows] == ["aVL", "I", "-aVR", "II", "aVF", "III"]
    assert rows[0] == ["aVL 0", "V1 5"]
    pick(page, "ten_seconds")
    choose(page, "layout", "12x1")
    upright = picture(page, "traces")[..., 3] > 100
    choose(page, "group", "limb-cabrera")
    turned = picture(page, "traces")[..., 3] > 100
    # Every lead is a pulse upwards; of the six rows of Cabrera, one points down.
    assert self_similarity(upright) > 0.9
    assert self_similarity(turned) < 0.9


def self_similarity(drawn: NDArray[np.bool_]) -> float:
    """Return the share of rows of pulses whose tops are where a pulse is."""
    above = 0
    bands = np.split(drawn, np.flatnonzero(~drawn[:-25].any(axis=1)))
    bands = [band for band in bands if band.shape[0] > 15]
    for band in bands:
        above += band[:4].sum() < band[-4:].sum()  # the baseline is longer than the tops of the pulses
    return above / len(bands)


def test_a_short_recording_has_rows_only_and_says_why(page: Any) -> None:
    pick(page, "three_seconds")
    assert page.input_value("#tracing [data-option='layout']") == "12x1"
    assert page.eval_on_selector("#tracing [data-option='layout'] [value='3x4']", "option => option.disabled")
    assert "8.5 s" in page.get_attribute("#tracing [data-option='layout']", "title")
    choose(page, "speed", 50)  # a page is five seconds now: four columns of 1.25 s would still not be full
    assert page.input_value("#tracing [data-option='layout']") == "12x1"
    pick(page, "ten_seconds")
    assert page.input_value("#tracing [data-option='layout']") == "3x4-rhythm"  # what was chosen comes back


def test_a_missing_lead_keeps_its_place_and_is_named(page: Any) -> None:
    pick(page, "no_v3")
    assert "not recorded: V3" in page.get_attribute("#tracing .tracing-paper", "aria-label")
    assert "V3" not in page.eval_on_selector_all("#tracing [data-option='rhythmLead'] option", "all => all.map((one) => one.value)")


def test_a_long_recording_is_panned_by_mouse_wheel_keys_and_overview(page: Any) -> None:
    pick(page, "half_minute")
    choose(page, "layout", "12x1")
    scale = px_per_mm(page)
    sheet = page.locator("#tracing .tracing-sheet")
    start = lambda: float(page.get_attribute("#tracing .overview-window", "aria-valuenow"))  # noqa: E731
    assert start() == 0
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + 600, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 150, steps=5)
    page.mouse.up()
    page.wait_for_function("() => Number(document.querySelector('#tracing .overview-window').getAttribute('aria-valuenow')) > 0")
    assert start() == pytest.approx(100 / scale / 25, abs=0.02)
    before = start()
    page.mouse.wheel(50, 0)
    page.wait_for_function(
        "(old) => Number(document.querySelector('#tracing .overview-window').getAttribute('aria-valuenow')) > old", arg=before
    )
    sheet.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => document.querySelector('#tracing .overview-window').getAttribute('aria-valuenow') === '1.20'")
    page.keyboard.press("End")
    end = start()
    assert end + float(page.get_attribute("#tracing .overview-window", "aria-valuemax")) == pytest.approx(2 * end)
    assert "30.0 s of 30.0 s" in page.inner_text("#tracing .tracing-stretch")
    page.focus("#tracing .overview-window")
    page.keyboard.press("ArrowLeft")
    assert start() == pytest.approx(end - 1, abs=0.011)
    strip = page.locator("#tracing .overview-strip").bounding_box()
    page.mouse.click(strip["x"] + strip["width"] / 2, strip["y"] + 20)
    assert start() == pytest.approx(15 - (30 - end) / 2, abs=0.1)
    assert "reduced bandwidth (up to 50 Hz)" in page.inner_text("#tracing .tracing-setting")
    assert page.locator("#tracing .timeline svg").count() == 5


def test_the_wheel_and_two_fingers_zoom_about_the_point_below_them(page: Any) -> None:
    page.evaluate(MAKE_VIEW, "ten_seconds")
    page.evaluate("view.setOptions({ layout: '12x1' })")
    below = "() => view.viewport.timeAt(500)"
    first = page.evaluate(below)
    own = page.locator("#own .tracing-sheet")
    own.scroll_into_view_if_needed()
    box = own.bounding_box()
    at = {"x": box["x"] + 500, "y": box["y"] + 100}
    scale = page.evaluate("view.viewport.pxPerMm")
    page.mouse.move(at["x"], at["y"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("(old) => view.viewport.pxPerMm > 1.2 * old", arg=scale)
    assert page.evaluate(below) == pytest.approx(first, abs=0.02)
    scale = page.evaluate("view.viewport.pxPerMm")
    touch = page.context.new_cdp_session(page)
    fingers = lambda gap: [{"x": at["x"] - gap, "y": at["y"], "id": 0}, {"x": at["x"] + gap, "y": at["y"], "id": 1}]  # noqa: E731
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": fingers(40)})
    for gap in (50, 60, 70, 80):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": fingers(gap)})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("(old) => view.viewport.pxPerMm > 1.7 * old", arg=scale)
    assert page.evaluate("view.viewport.pxPerMm") == pytest.approx(2 * scale, rel=0.1)
    assert page.evaluate(below) == pytest.approx(first, abs=0.1)


def test_calipers_measure_a_pulse_by_mouse(page: Any) -> None:
    pick(page, "ten_seconds")
    choose(page, "layout", "12x1")
    page.click("#tracing [data-tool='calipers']")
    drawn = picture(page, "traces")[..., 3] > 100
    filled = np.flatnonzero(drawn.any(axis=1))
    top = int(filled[np.diff(filled, prepend=-9) > 1][3])
    # Tops of the pulses of the fourth lead, where no line lies yet: from the left edge of one to
    # the left edge of the next is a second.
    tops = np.flatnonzero(drawn[top : top + 2].any(axis=0))
    left = tops[np.diff(tops, prepend=-99) > 5]
    foot = top + round(10 * px_per_mm(page))
    box = page.locator("#tracing .tracing-sheet").bounding_box()
    page.mouse.move(box["x"] + float(left[2]), box["y"] + foot)
    page.mouse.down()
    page.mouse.move(box["x"] + float(left[3]), box["y"] + top, steps=6)
    page.mouse.up()
    ms, rate, mv = value_of_calipers(page)
    assert ms == pytest.approx(1000, abs=15)
    assert float(rate) == pytest.approx(60, abs=1)
    assert mv == pytest.approx(1, abs=0.05)
    line = page.locator("#tracing .caliper-moment >> nth=1").bounding_box()
    page.mouse.move(line["x"] + line["width"] / 2, line["y"] + 60)
    page.mouse.down()
    page.mouse.move(line["x"] + line["width"] / 2 + 25 * px_per_mm(page), line["y"] + 60, steps=4)
    page.mouse.up()
    assert value_of_calipers(page)[0] == pytest.approx(2000, abs=20)
    page.wait_for_function(
        "(text) => document.querySelector('#tracing [role=status]').textContent === text", arg=page.inner_text("#tracing .caliper-value")
    )


def test_calipers_and_march_out_by_keyboard_alone(page: Any) -> None:
    pick(page, "ten_seconds")
    page.focus("#tracing .tracing-sheet")
    page.keyboard.press("c")
    assert value_of_calipers(page) == (1000, "60", 1.0)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Second time line"
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert value_of_calipers(page)[:2] == (800, "75")
    page.keyboard.press("Shift+ArrowRight")
    assert value_of_calipers(page)[0] == 802
    page.keyboard.press("PageUp")
    assert value_of_calipers(page)[0] == 1002
    assert "1002 ms" in page.evaluate("document.activeElement.getAttribute('aria-valuetext')")
    page.keyboard.press("Tab")  # both time lines: the distance stays
    page.keyboard.press("ArrowRight")
    assert value_of_calipers(page)[0] == 1002
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert value_of_calipers(page)[2] == pytest.approx(1.05)
    page.focus("#tracing .tracing-sheet")
    page.keyboard.press("m")
    x = page.eval_on_selector_all("#tracing .march i", "lines => lines.map((line) => line.getBoundingClientRect().left)")
    lines = page.eval_on_selector_all(
        "#tracing .caliper-moment", "all => all.map((one) => one.getBoundingClientRect()).map((box) => box.left + box.width / 2)"
    )
    step = abs(lines[1] - lines[0])
    assert len(x) >= 6
    assert np.allclose(np.diff(sorted([*x, *lines])), step, atol=0.6)
    page.keyboard.press("Escape")
    assert page.is_hidden("#tracing .caliper-value")


def test_every_key_of_the_list_does_something_and_has_words(page: Any) -> None:
    pick(page, "half_minute")
    page.evaluate(MAKE_VIEW, "half_minute")
    keys = page.evaluate("import('/static/tracing/keys.js').then(({ TRACING_KEYS }) => TRACING_KEYS)")
    words = json.loads((STATIC / "languages" / "en.json").read_text(encoding="utf-8"))["tracing"]["keys"]
    labels = {entry["label"] for entry in keys}
    assert labels - {f"tracing.{option}_label" for option in ("speed", "gain", "filter")} == {f"tracing.keys.{name}" for name in words}
    page.focus("#own .tracing-sheet")
    presses: list[tuple[str, str, object]] = [
        ("l", "layout", "3x4"),
        ("e", "group", "cabrera"),
        ("t", "rhythmLead", "III"),
        ("s", "speed", 50),
        ("g", "gain", 20),
        ("f", "filter", "40"),
        ("+", "zoom", None),
        ("1", "zoom", 1),
        ("0", "zoom", "fit"),
        ("PageDown", "startS", 5),
        ("Home", "startS", 0),
    ]
    for key, option, expected in presses:
        page.keyboard.press(key)
        value = page.evaluate("(option) => view.options[option]", option)
        assert isinstance(value, float) if expected is None else value == expected, key
    page.wait_for_function("() => reported.length > 0 && reported.at(-1).speed === 50")
    with page.expect_download() as started:
        page.keyboard.press("i")
    assert started.value.suggested_filename == "half_minute.png"


def test_display_filters_take_away_what_they_say_and_move_nothing(page: Any) -> None:
    gains = page.evaluate(
        """async () => {
          const { filtered } = await import("/static/tracing/filters.js");
          const fs = 500;
          const tone = (hz) => Int16Array.from({ length: 5000 }, (_, n) => Math.round(10000 * Math.sin(2 * Math.PI * hz * n / fs)));
          // Correlation with the tone itself over the middle: 1 is untouched, and a shift in time would lower it too.
          const gain = (name, hz) => {
            const [before, after] = [tone(hz), filtered(tone(hz), fs, name)];
            let [both, own] = [0, 0];
            for (let n = 1000; n < 4000; n += 1) { both += before[n] * after[n]; own += before[n] * before[n]; }
            return both / own;
          };
          const pairs = { "40": [1, 10, 40, 100], "150": [10, 100, 150, 220], notch50: [5, 40, 50, 60], notch60: [5, 50, 60, 70] };
          return Object.fromEntries(Object.entries(pairs).map(([name, tones]) => [name, tones.map((hz) => gain(name, hz))]));
        }"""
    )
    assert gains["40"] == pytest.approx([1, 1, 0.7071, 0.01], abs=0.03)
    assert gains["150"] == pytest.approx([1, 1, 0.7071, 0.03], abs=0.06)
    for notch in ("notch50", "notch60"):
        assert gains[notch] == pytest.approx([1, 1, 0, 1], abs=0.06)
    flat = page.evaluate(
        """async () => {
          const { filtered } = await import("/static/tracing/filters.js");
          const worst = (values) => Math.max(...values.map((value) => Math.abs(value - 700)));
          return ["40", "150", "notch50", "notch60"].map((name) => worst(filtered(new Int16Array(2000).fill(700), 500, name)));
        }"""
    )
    assert flat == pytest.approx([0, 0, 0, 0], abs=1e-3)


def test_a_filter_is_named_on_the_tracing_and_changes_no_reading(page: Any) -> None:
    pick(page, "ten_seconds")
    shown = page.inner_text("#classes")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = picture(page, "traces")
    choose(page, "filter", "40")
    assert "low-pass 40 Hz" in page.inner_text("#tracing .tracing-setting")
    assert (picture(page, "traces") != before).any()
    assert page.inner_text("#classes") == shown
    assert [url for url in asked if "api" in url] == []
    choose(page, "filter", "off")
    assert (picture(page, "traces") == before).all()
    pick(page, "half_minute")  # 100 Hz holds nothing above 50 Hz
    disabled = page.eval_on_selector_all(
        "#tracing [data-option='filter'] option", "all => all.filter((one) => one.disabled).map((one) => one.value)"
    )
    assert disabled == ["150", "notch50", "notch60"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_image_is_on_paper_in_true_millimetres_with_its_texts(visit: Callable[..., Any], tmp_path: Path, theme: str) -> None:
    page = visit(color_scheme=theme)
    pick(page, "ten_seconds")
    assert (picture(page, "paper")[..., :3].mean() > 128) == (theme == "light")
    page.click("#tracing [data-tool='calipers']")
    with page.expect_download() as started:
        page.click("#tracing [data-tool='image']")
    started.value.save_as(tmp_path / "image.png")
    image = decode((tmp_path / "image.png").read_bytes())
    assert image.shape[1] == 2700  # 270 mm, ten pixels each
    assert tuple(np.median(image[..., :3].reshape(-1, 3), axis=0)) == PAPER
    dark = image[..., :3].sum(axis=2) < 250
    for line in (11, 6.8, 2.6):  # settings, model and notice, in millimetres above the lower edge
        foot = image.shape[0] - round(10 * line)
        assert dark[foot - 25 : foot, 50:1200].sum() > 1500, line
    assert dark[40:70, 50:600].sum() > 800  # the title


def test_the_printed_tracing_is_on_paper_in_true_millimetres_whatever_the_screen_shows(visit: Callable[..., Any]) -> None:
    page = visit(color_scheme="dark")
    pick(page, "ten_seconds")
    choose(page, "layout", "12x1")
    choose(page, "speed", 50)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    canvas = page.locator("#printed canvas")
    assert canvas.count() == 1
    box = canvas.bounding_box()
    assert box["width"] / CSS_PX_PER_MM == pytest.approx(266, abs=0.1)  # 10 s are 250 mm
    assert box["height"] / CSS_PX_PER_MM < 180
    assert page.is_hidden("#tracing .tracing-tools")
    assert canvas.evaluate("one => [...one.getContext('2d').getImageData(6, 6, 1, 1).data]")[:3] == list(PAPER)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert canvas.count() == 0


def test_the_ribbon_lies_where_the_reason_is(page: Any) -> None:
    page.evaluate(MAKE_VIEW, "ten_seconds")
    page.evaluate("view.setOptions({ layout: '12x1' })")
    relevance = np.zeros((12, 1000), dtype=np.uint8)
    relevance[0, 200:300], relevance[0, 600:700] = 255, 60
    explanation = {
        "finding": "MI",
        "lead_names": LEADS,
        "fs": 100,
        "start_s": 0,
        "n_times": 1000,
        "relevance": base64.b64encode(relevance.tobytes()).decode(),
    }
    page.evaluate("(explanation) => view.setReason(explanation)", explanation)
    traces = picture(page, "traces", "#own")
    coloured = (traces[..., 3] > 120) & (traces[..., 0] > 90) & (traces[..., 0] > 1.4 * traces[..., 2])
    x = np.flatnonzero(coloured.any(axis=0))
    start, scale, second_row = page.evaluate(
        "[view.viewport.xAt(0), view.viewport.pxPerMm, view.viewport.yAt(view.viewport.sheet.rows[1].top)]"
    )
    strong, weak = ((x - start) / scale / 25 < 4), ((x - start) / scale / 25 > 5)
    assert (x[strong].min() - start) / scale / 25 == pytest.approx(2, abs=0.1)
    assert (x[strong].max() - start) / scale / 25 == pytest.approx(3, abs=0.1)
    assert (x[weak].min() - start) / scale / 25 == pytest.approx(6, abs=0.1)
    assert not coloured[round(second_row) :].any()
    thickness = [np.median(coloured[:, x[part]].sum(axis=0)) for part in (strong, weak)]
    assert thickness[0] > 2 * thickness[1]  # never colour alone
    assert "MI" in page.inner_text("#own .tracing-legend")
    page.evaluate("view.setReason(null)")
    assert page.is_hidden("#own .tracing-legend")


def test_options_from_an_address_are_checked_and_reported(page: Any) -> None:
    page.evaluate(MAKE_VIEW, "half_minute")
    page.evaluate(
        "view.setOptions({ layout: '<b>', speed: 1e9, gain: 'x', filter: null, group: [], startS: -5, zoom: 'huge', rhythmLead: 7 })"
    )
    defaults = page.evaluate("import('/static/tracing/options.js').then(({ DEFAULTS }) => DEFAULTS)")
    assert page.evaluate("view.options") == defaults
    page.evaluate("view.goTo(7.5)")
    page.wait_for_function("() => reported.length === 1")
    assert page.evaluate("reported[0].startS") == 7.5
    page.evaluate("view.goTo(1e9)")
    assert page.evaluate("view.options.startS") == 20
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))


def test_in_arabic_the_page_turns_and_the_tracing_does_not(visit: Callable[..., Any]) -> None:
    page = visit(locale="ar-EG")
    pick(page, "ten_seconds")
    assert page.get_attribute("html", "dir") == "rtl"
    assert page.get_attribute("#tracing .tracing-sheet", "dir") == "ltr"
    assert "25 mm/s  10 mm/mV" in page.inner_text("#tracing .tracing-setting")
    drawn = np.flatnonzero((picture(page, "traces")[..., 3] > 100).any(axis=0))
    assert drawn.min() > 30  # the pulse stands on the left
    missing = page.evaluate(
        "[...document.querySelectorAll('#tracing *')].map((e) => e.textContent + e.ariaLabel).filter((text) => /tracing\\.\\w/.test(text))"
    )
    assert missing == []


def test_the_tracing_has_words_in_every_language() -> None:
    def keys(words: dict[str, Any], prefix: str = "") -> set[str]:
        return {
            key
            for name, value in words.items()
            for key in (keys(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name})
        }

    languages = [json.loads(path.read_text(encoding="utf-8"))["tracing"] for path in sorted((STATIC / "languages").glob("*.json"))]
    assert len(languages) >= 3
    assert all(keys(words) == keys(languages[0]) for words in languages)
