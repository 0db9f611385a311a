"""Recordings of more than a minute: overview, events, hours, jumps, beats, print, languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.browser.long_example import long_example, waveform_example
from tests.browser.test_accessibility import violations
from tests.browser.test_tracing import picture

pytestmark = pytest.mark.browser

HALF_HOUR_S = 1800.0
DAY_S = 86_400.0
# What is held of the signal at a time.
PART_S = 2400.0
SAMPLE = "half_minute"
LOCALES = {"en": "en-US", "fr": "fr-FR", "ar": "ar-EG"}
LATIN_DIRECTION = "at => getComputedStyle(document.querySelector(at)).direction"


@pytest.fixture(scope="module")
def half_hour() -> dict[str, Any]:
    return long_example(HALF_HOUR_S)


@pytest.fixture(scope="module")
def day() -> dict[str, Any]:
    return long_example(DAY_S)


Open = Callable[..., Any]


@pytest.fixture
def open_long(visit: Callable[..., Any], half_hour: dict[str, Any]) -> Open:
    """Open the page on a sample whose reading is that of a long recording."""

    def opened(long: dict[str, Any] | None = None, excerpts: list[dict[str, Any]] | None = None, **context: Any) -> Any:
        shown = half_hour if long is None else long
        page = visit(**context)

        def answer(route: Any) -> None:
            reading = route.fetch().json()
            windows = [{**one, "start_s": 10 * index, "end_s": 10 * index + 10} for index, one in enumerate(reading["timeline"])]
            waveform = {**waveform_example(shown, 0, PART_S), "excerpts": excerpts or []}
            patch = {"duration_s": shown["duration_s"], "waveform": waveform, "timeline": windows, "long": shown}
            route.fulfill(json={**reading, **patch})

        def part(route: Any) -> None:
            asked = {name: float(values[0]) for name, values in parse_qs(urlsplit(route.request.url).query).items()}
            route.fulfill(json=waveform_example(shown, asked["start_s"], asked["duration_s"]))

        page.route(re.compile(rf"/api/v1/samples/{SAMPLE}(\?|$)"), answer)
        page.route(f"**/api/v1/samples/{SAMPLE}/signal?*", part)
        page.click(f"[data-sample={SAMPLE}]")
        page.wait_for_selector("#long:not([hidden])")
        page.wait_for_function("() => document.querySelector('.long-plot canvas').height > 0")
        return page

    return opened


def start_s(page: Any) -> float:
    return float(page.get_attribute(".long-window", "aria-valuenow"))


def span_s(page: Any, long: dict[str, Any]) -> float:
    return float(long["duration_s"]) - float(page.get_attribute(".long-window", "aria-valuemax"))


def box_of(page: Any, selector: str) -> dict[str, float]:
    box: dict[str, float] = page.locator(selector).bounding_box()
    return box


def is_shown(page: Any, long: dict[str, Any], index: int) -> bool:
    """Whether the tracing shows an episode: in its middle, or how it begins."""
    episode = long["episodes"][index]
    start, span = start_s(page), span_s(page, long)
    if episode["end_s"] - episode["start_s"] < 0.5 * span:
        return start + span / 2 == pytest.approx((episode["start_s"] + episode["end_s"]) / 2, abs=0.1)
    return start < episode["start_s"] < start + span / 2


def test_a_short_recording_has_no_long_view_and_loads_nothing_of_it(visit: Callable[..., Any]) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.click(f"[data-sample={SAMPLE}]")
    page.wait_for_selector("#reading:not([hidden])")
    assert page.is_hidden("#long")
    assert page.is_visible("#tracing .overview-strip")
    assert [url for url in asked if "/long/" in url] == []


def test_a_long_recording_has_sentences_overview_events_and_hours(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    assert page.locator(".long-summary li").all_inner_texts() == half_hour["summary"]
    assert page.is_hidden("#tracing .overview-strip")
    names = page.locator(".long-names span").all_inner_texts()
    assert names == ["Atrial fibrillation", "Ventricular run", "Pause", "Heart rate /min", "RR intervals", "S beats", "V beats", "II"]
    groups = dict(re.fullmatch(r"(.*) \((\d+)\)", text).groups() for text in page.locator(".long-groups summary").all_inner_texts())
    assert groups == {"Atrial fibrillation": "2", "Ventricular run": "2", "Pause": "2"}
    firsts = page.locator(".long-firsts button").evaluate_all("all => all.map((one) => Number(one.dataset.episode))")
    assert firsts == list(half_hour["longest"].values())
    page.click("#long-hours-heading")
    cells = page.locator(".long-hours tbody td").all_inner_texts()
    assert cells[0] == f"{half_hour['n_beats']:,}"
    assert "6:00 min" in cells
    page.click("text=Classes over time")
    page.wait_for_selector(".long .timeline svg")
    assert page.locator(".long .timeline svg").count() == 5


def test_lanes_lie_where_the_episodes_are(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    lane = np.array(
        page.evaluate(
            """() => { const canvas = document.querySelector('.long-plot canvas');
              return [...canvas.getContext('2d').getImageData(0, 6, canvas.width, 1).data]; }"""
        )
    ).reshape(-1, 4)[:, :3]
    # Brown has much more red than blue; ground and grid are grey.
    brown = lane[:, 0].astype(int) - lane[:, 2] > 40
    times = (np.arange(len(brown)) + 0.5) / len(brown) * HALF_HOUR_S
    inside = np.zeros(len(brown), bool)
    for episode in half_hour["episodes"]:
        if episode["kind"] == "atrial_fibrillation":
            inside |= (times > episode["start_s"]) & (times < episode["end_s"])
    assert (brown == inside).mean() > 0.98


def test_a_click_moves_the_tracing_there_and_the_window_can_be_dragged(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    plot = box_of(page, ".long-plot")
    page.mouse.click(plot["x"] + plot["width"] / 2, plot["y"] + 100)
    span = span_s(page, half_hour)
    assert start_s(page) + span / 2 == pytest.approx(HALF_HOUR_S / 2, abs=HALF_HOUR_S / plot["width"])
    before = start_s(page)
    window = box_of(page, ".long-window")
    page.mouse.move(window["x"] + window["width"] - 1, plot["y"] + 100)
    page.mouse.down()
    page.mouse.move(window["x"] + window["width"] + 99, plot["y"] + 100, steps=5)
    page.mouse.up()
    # Held where it was gripped.
    assert start_s(page) - before == pytest.approx(100 / plot["width"] * HALF_HOUR_S, abs=2 * HALF_HOUR_S / plot["width"])
    moved = box_of(page, ".long-window")
    assert moved["x"] - window["x"] == pytest.approx(100, abs=2)


def test_the_cursor_says_time_and_rate_and_enter_goes_there(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    page.focus(".long-surface")
    page.keyboard.press("Home")
    assert page.get_attribute(".long-surface", "aria-valuetext").startswith("0:00, ")
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.keyboard.press("ArrowRight")
    now = float(page.get_attribute(".long-surface", "aria-valuenow"))
    width = box_of(page, ".long-plot")["width"]
    assert now == pytest.approx((3 * 40 + 4) / width * HALF_HOUR_S, abs=0.2)
    rate = half_hour["trend"]["mean_bpm"][int(now / 10)]
    assert f"{rate:.0f}/min" in page.get_attribute(".long-surface", "aria-valuetext")
    assert f"{rate:.0f}/min" in page.inner_text(".long-readout")
    page.keyboard.press("Enter")
    assert start_s(page) + span_s(page, half_hour) / 2 == pytest.approx(now, abs=0.1)
    page.focus(".long-window")
    before = start_s(page)
    page.keyboard.press("ArrowRight")
    assert start_s(page) == pytest.approx(before + 1, abs=0.02)
    page.focus(".long-surface")
    page.keyboard.press("+")
    page.keyboard.press("End")
    assert float(page.get_attribute(".long-surface", "aria-valuenow")) == HALF_HOUR_S
    page.keyboard.press("0")


def test_an_enlarged_overview_follows_the_tracing(open_long: Open) -> None:
    page = open_long()
    page.click("[data-zoom=zoom_in]")
    page.click("[data-zoom=zoom_in]")
    page.wait_for_function("() => document.querySelector('.long-window i').getBoundingClientRect().width > 20")
    wide = box_of(page, ".long-window i")["width"]
    page.focus("#tracing .tracing-sheet")
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    plot, window = box_of(page, ".long-plot"), box_of(page, ".long-window i")
    assert plot["x"] - 1 <= window["x"]
    assert window["x"] + window["width"] <= plot["x"] + plot["width"] + 1
    page.click("[data-zoom=whole]")
    page.wait_for_function("(wide) => document.querySelector('.long-window i').getBoundingClientRect().width < wide / 2", arg=wide)


def test_events_are_gone_through_by_key_by_button_and_by_list(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    for index in [*range(len(half_hour["episodes"])), 0]:
        page.keyboard.press("n")
        assert is_shown(page, half_hour, index), index
        current = page.locator(".long-groups details [aria-current]")
        assert current.get_attribute("data-episode") == str(index)
    page.keyboard.press("b")
    assert is_shown(page, half_hour, len(half_hour["episodes"]) - 1)
    page.click("[data-step=next]")
    assert is_shown(page, half_hour, 0)
    assert re.match(r"Ventricular run, 3:0\d, \d\.\d s", page.inner_text("#long > [role=status]"))
    fastest = half_hour["longest"]["fastest_run"]
    page.click(f".long-firsts [data-episode='{fastest}']")
    assert is_shown(page, half_hour, fastest)
    assert page.is_visible("#tracing .tracing-sheet")
    page.focus(".long-groups details[data-kind=pause] ol button")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    second = [index for index, one in enumerate(half_hour["episodes"]) if one["kind"] == "pause"][1]
    assert is_shown(page, half_hour, second)


def test_events_can_be_sorted_by_length(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    listed = "all => all.map((one) => Number(one.dataset.episode))"
    fibrillation = "details[data-kind=atrial_fibrillation] button[data-episode]"
    by_time = page.locator(fibrillation).evaluate_all(listed)
    page.select_option("#long-order", "length")
    by_length = page.locator(fibrillation).evaluate_all(listed)
    assert by_time == sorted(by_time)
    assert by_length == by_time[::-1]
    assert by_length[0] == half_hour["longest"]["atrial_fibrillation"]


def test_beats_carry_their_class_above_the_qrs(open_long: Open, half_hour: dict[str, Any]) -> None:
    page = open_long()
    page.select_option("#tracing [data-option=layout]", "12x1")
    page.click(f".long-firsts [data-episode='{half_hour['longest']['fastest_run']}']")
    page.wait_for_timeout(100)
    shown = picture(page, "traces")
    red = (shown[..., 0] > 140) & (shown[..., 1] < 90) & (shown[..., 2] < 90) & (shown[..., 3] > 200)
    episode = half_hour["episodes"][half_hour["longest"]["fastest_run"]]
    letters = np.flatnonzero(red.any(axis=0))
    # Nine runs of columns, 350 ms apart.
    starts = letters[np.diff(letters, prepend=-99) > 6]
    assert len(starts) == episode["n_beats"]
    assert np.diff(starts).std() < 2
    # Above the trace, in the upper row only.
    rows = np.flatnonzero(red.any(axis=1))
    black = (shown[..., :3].sum(axis=2) < 60) & (shown[..., 3] > 200)
    top_of_trace = np.flatnonzero(black[:, starts[0] : starts[-1]].any(axis=1))[0]
    assert rows[-1] <= top_of_trace
    page.focus("#tracing .tracing-sheet")
    page.keyboard.press("Home")
    assert (picture(page, "traces") != shown).any()


def test_of_a_day_the_part_that_is_looked_at_is_loaded(open_long: Open, day: dict[str, Any]) -> None:
    page = open_long(day)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.select_option("#tracing [data-option=layout]", "12x1")
    pauses = [index for index, one in enumerate(day["episodes"]) if one["kind"] == "pause"]
    for index in pauses:
        with page.expect_response("**/signal?*"):
            page.click(f"details[data-kind=pause] [data-episode='{index}']")
        page.wait_for_timeout(300)
        assert is_shown(page, day, index)
        times, start = np.array(day["beats"]["times_s"]), start_s(page)
        assert pulses(page) == ((times > start) & (times < start + span_s(page, day))).sum()
    parts = [url for url in asked if "/signal?" in url]
    assert len(parts) == len(pauses)
    # What was loaded is kept, and steps of the tracing load nothing.
    page.click(f"details[data-kind=pause] [data-episode='{pauses[0]}']")
    page.focus("#tracing .tracing-sheet")
    for _ in range(5):
        page.keyboard.press("PageDown")
    assert pulses(page) > 0
    assert len([url for url in asked if "/signal?" in url]) == len(parts)


def pulses(page: Any) -> int:
    """How many spikes the uppermost row of the tracing shows."""
    drawn = picture(page, "traces")
    black = (drawn[..., :3].sum(axis=2) < 60) & (drawn[..., 3] > 150)
    top = np.flatnonzero(black.any(axis=1))[0]
    columns = np.flatnonzero(black[top : top + 4].any(axis=0))
    return int((np.diff(columns, prepend=-99) > 6).sum())


def test_a_part_that_does_not_come_is_said(open_long: Open, day: dict[str, Any]) -> None:
    page = open_long(day)
    page.unroute(f"**/api/v1/samples/{SAMPLE}/signal?*")
    page.route(f"**/api/v1/samples/{SAMPLE}/signal?*", lambda route: route.fulfill(status=503, json={"code": "busy", "message": "busy"}))
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.wait_for_selector("#error:not([hidden])")
    assert page.is_visible(".long-overview")


def test_another_recording_takes_the_long_view_away(open_long: Open) -> None:
    page = open_long()
    page.click("[data-sample=ten_seconds]")
    page.wait_for_function("() => document.getElementById('record-heading')?.textContent === 'ten_seconds'")
    assert page.is_hidden("#long")
    before = page.get_attribute("#tracing .overview-window", "aria-valuenow")
    page.keyboard.press("n")
    assert page.get_attribute("#tracing .overview-window", "aria-valuenow") == before
    page.unroute_all()
    page.click(f"[data-sample={SAMPLE}]")
    page.wait_for_function("id => document.getElementById('record-heading')?.textContent === id", arg=SAMPLE)
    page.wait_for_selector("#tracing .overview-strip", state="visible")
    assert page.is_hidden("#long")


def test_the_help_lists_the_keys_of_a_long_recording_only_with_one(open_long: Open) -> None:
    page = open_long()
    page.keyboard.press("?")
    assert "Next event" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    page.click("[data-sample=ten_seconds]")
    page.wait_for_function("() => document.getElementById('record-heading')?.textContent === 'ten_seconds'")
    page.keyboard.press("?")
    assert "Next event" not in page.inner_text("dialog")


def test_in_arabic_the_words_turn_and_time_runs_on_from_the_left(open_long: Open) -> None:
    page = open_long(locale=LOCALES["ar"])
    assert page.evaluate(LATIN_DIRECTION, ".long") == "rtl"
    assert page.evaluate(LATIN_DIRECTION, ".long-strips") == "ltr"
    names = page.locator(".long-names span").all_inner_texts()
    assert not any(re.search("[a-zA-Z]{4,}", name) for name in names)
    events, overview = box_of(page, ".long-events"), box_of(page, ".long-column")
    assert events["x"] < overview["x"]
    first = start_s(page)
    page.focus(".long-window")
    page.keyboard.press("ArrowRight")
    assert start_s(page) > first
    page.select_option("#language", "fr")
    page.wait_for_function("() => document.documentElement.lang === 'fr'")
    page.wait_for_function("() => document.querySelector('.long-names').textContent.includes('Fibrillation atriale')")
    assert "Événements" in page.inner_text(".long-events")


@pytest.mark.parametrize("length", ["half_hour", "day"])
def test_the_print_has_a_page_of_the_whole_recording(open_long: Open, length: str, request: pytest.FixtureRequest) -> None:
    long = request.getfixturevalue(length)
    page = open_long(long)
    document = page.pdf(prefer_css_page_size=True, format="A4", landscape=True)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == 2
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    text = page.evaluate("document.querySelectorAll('.printed-page')[1].textContent")
    assert long["summary"][0] in text
    assert "Atrial fibrillation" in text
    assert "Research use only" in text
    rows = page.evaluate("document.querySelectorAll('#printed .long-hours tbody tr').length")
    assert rows == len(long["hours"])
    drawn = page.evaluate(
        """() => { const canvas = document.querySelector('.printed-strips canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const colours = new Set();
          for (let at = 0; at < data.length; at += 404) colours.add(data.slice(at, at + 3).join());
          return colours.size; }"""
    )
    assert drawn > 20


def test_the_print_shows_a_quiet_stretch_and_the_gravest_episodes(open_long: Open, half_hour: dict[str, Any]) -> None:
    starts = {"quiet": 900.0, "atrial_fibrillation": 1077.0, "pause": 1525.0, "ventricular_run": 805.0, "supraventricular_run": 20.0}
    shown = [{"kind": kind, "start_s": start, "duration_s": 10.0, "title": f"{kind} at {start:.0f}"} for kind, start in starts.items()]
    parts = [{**waveform_example(half_hour, start, 10.0), "n_times": 10 * 100} for start in starts.values()]
    page = open_long({**half_hour, "excerpts": shown}, excerpts=parts)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    titles = page.locator(".printed-title").all_text_contents()
    assert titles == [
        "Quiet at 900",
        "Atrial_fibrillation at 1077",
        "Pause at 1525",
        "Ventricular_run at 805",
        "Supraventricular_run at 20",
    ]
    per_page = page.evaluate("[...document.querySelectorAll('.printed-page')].map((one) => one.querySelectorAll('.printed-title').length)")
    assert per_page == [1, 0, 3, 1]
    inked = page.evaluate(
        """() => [...document.querySelectorAll('.printed-tracing canvas')].map((canvas) => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let dark = 0;
          for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] < 120) dark += 1;
          return dark; })"""
    )
    assert len(inked) == 5
    assert min(inked) > 2000
    document = page.pdf(prefer_css_page_size=True, format="A4", landscape=True)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == 4
    # Who has gone elsewhere prints what is on the screen.
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.click(".long-firsts button >> nth=0")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".printed-page >> nth=0").locator(".printed-title").count() == 0


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("fr", "dark"), ("ar", "light")])
def test_axe_finds_nothing_in_the_long_view(open_long: Open, language: str, theme: str) -> None:
    page = open_long(locale=LOCALES[language], color_scheme=theme, reduced_motion="reduce")
    page.click("#long-hours-heading")
    page.click(".long-firsts button >> nth=0")
    assert violations(page) == []


@pytest.mark.parametrize("locale", LOCALES.values())
def test_a_narrow_screen_does_not_scroll_sideways(open_long: Open, locale: str) -> None:
    page = open_long(locale=locale, viewport={"width": 320, "height": 640})
    page.click("#long-hours-heading")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.click(".long-firsts button >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_is_drawn_is_what_is_in_the_lists(open_long: Open, half_hour: dict[str, Any]) -> None:
    """Aggregation: nothing lost, gaps kept, columns in the right place."""
    page = open_long()
    found = page.evaluate(
        """async (long) => {
          const { classCounts, envelopeColumns, firstFrom, rrDensity, trendPoints } = await import("/static/long/bins.js");
          const lowest_bpm = [50, 65, null, null, 75, 90];
          const highest_bpm = [70, 75, null, null, 85, 110];
          const trend = { step_s: 10, mean_bpm: [60, 70, null, null, 80, 100], lowest_bpm, highest_bpm };
          const sum = (counts) => counts.reduce((total, count) => total + count, 0);
          const inClass = (name) => sum(classCounts(long.beats, name, 0, long.duration_s, 77));
          const envelope = { step_s: 1, lowest_mv: [[-1, -2, null, -4]], highest_mv: [[1, 2, null, 4]] };
          const cells = rrDensity(long.beats, 0, long.duration_s, 300, 50, 2);
          const two = envelopeColumns(envelope, 0, 0, 4, 2);
          const eight = envelopeColumns(envelope, 0, 0, 4, 8);
          return {
            total: sum(cells.N) + cells.S.length + cells.V.length,
            counts: Object.fromEntries(["N", "S", "V", "F"].map((name) => [name, inClass(name)])),
            fine: trendPoints(trend, 0, 60, 100),
            coarse: trendPoints(trend, 0, 60, 3),
            part: trendPoints(trend, 25, 35, 100).map(({ timeS }) => timeS),
            two: [[...two.low], [...two.high]], eight: [...eight.low].map((value) => Number.isNaN(value) ? null : value),
            first: [firstFrom([1, 2, 2, 5], 2), firstFrom([1, 2, 2, 5], 6), firstFrom([], 1)],
            long: rrDensity({ times_s: [0, 1, 9], classes: "NNV" }, 0, 10, 10, 4, 2).V,
          };
        }""",
        half_hour,
    )
    assert found["total"] == half_hour["n_beats"] - 1
    assert found["counts"] == {name: half_hour["beats"]["counts"][name] for name in "NSVF"}
    assert [point["mean"] for point in found["fine"]] == [60, 70, None, None, 80, 100]
    assert found["coarse"] == [
        {"timeS": 10, "mean": 65, "low": 50, "high": 75},
        {"timeS": 30, "mean": None, "low": None, "high": None},
        {"timeS": 50, "mean": 90, "low": 75, "high": 110},
    ]
    assert found["part"] == [15, 25, 35, 45]
    assert found["two"] == [[-2, -4], [2, 4]]
    assert found["eight"] == [-1, -1, -2, -2, None, None, -4, -4]
    assert found["first"] == [1, 4, 0]
    # Eight seconds are beyond the axis: they lie on its edge, the first row.
    assert found["long"] == [9]


@pytest.mark.slow
def test_a_day_is_drawn_in_a_tenth_of_a_second(open_long: Open, day: dict[str, Any]) -> None:
    page = open_long()
    best_ms = page.evaluate(
        """async (long) => {
          const { drawLong, planStrips } = await import("/static/long/draw.js");
          const plan = planStrips(long);
          const canvas = Object.assign(document.createElement("canvas"), { width: 1100, height: plan.height });
          const pen = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
          const look = { width: 1100, ratio: 1, theme: "paper", fromS: 0, toS: long.duration_s, chosen: 0 };
          const once = () => {
            const start = performance.now();
            drawLong(pen, long, plan, look);
            pen.getImageData(0, 0, 1, 1);
            return performance.now() - start;
          };
          return Math.min(...Array.from({ length: 6 }, once));
        }""",
        day,
    )
    assert day["n_beats"] > 100_000
    assert best_ms < 100


def test_the_example_is_json(half_hour: dict[str, Any]) -> None:
    assert json.loads(json.dumps(half_hour)) == half_hour
