"""What is seen without scrolling, what is printed, and what happens to many files at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What a reading concludes is stubbed here: the page shows it, it does not make it.
ABNORMAL = {
    "kind": "abnormal",
    "headline": "Sinus rhythm, rate 72/min. Left bundle branch block (QRS 148 ms). Secondary ST and T changes.",
    "lines": [
        {"group": "st_t", "text": "Secondary ST and T changes", "codes": ["INVT"], "probability": 0.55},
        {"group": "rhythm", "text": "Sinus rhythm, rate 72/min", "codes": ["SR"], "probability": 0.97},
        {"group": "conduction", "text": "Left bundle branch block, QRS 148 ms", "codes": ["CLBBB"], "probability": None},
    ],
    "yielded": [{"code": "LAFB", "probability": 0.41, "text": "LAFB not stated: QRS axis +140 degrees"}],
}
RHYTHM = {
    "name": None,
    "reason": "too few beats",
    "findings": ["irregular"],
    "values": {"rr_cv": {"value": 0.04, "unit": "1", "reason": None}},
    "beats": [],
}
AT_ONCE = (
    "#conclusion",
    ".headline",
    ".lines",
    ".yielded",
    ".vitals",
    ".rhythm",
    ".quality",
    "#tracing .tracing-sheet",
    ".tracing-setting",
)


def open_stubbed(visit: Callable[..., Any], conclusion: dict[str, Any] | None = None, **context: Any) -> Any:
    page = visit(**context)

    def answer(route: Any) -> None:
        reading = route.fetch().json()
        route.fulfill(json={**reading, "conclusion": conclusion or ABNORMAL, "rhythm": RHYTHM})

    page.route(re.compile(r"/samples/[^/]+$"), answer)
    page.click("[data-sample=ten_seconds]")
    page.wait_for_selector("#reading:not([hidden])")
    return page


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080), (1024, 768)])
@pytest.mark.parametrize("locale", ["en-US", "ar"])
def test_conclusion_measurements_and_the_whole_tracing_are_seen_without_scrolling(
    visit: Callable[..., Any], width: int, height: int, locale: str
) -> None:
    page = open_stubbed(visit, viewport={"width": width, "height": height}, locale=locale)
    assert page.evaluate("window.scrollY") == 0
    for part in AT_ONCE:
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width, part
        assert box["y"] + box["height"] <= height, part
    # The whole sheet, not a part of it that scrolls.
    assert not page.eval_on_selector("#tracing .tracing-sheet", "sheet => sheet.classList.contains('scrolls')")
    for vital in ("rate", "pr", "qrs", "qt_qtc", "axes"):
        assert page.is_visible(f"[data-vital={vital}] dd")


def test_lines_stand_in_their_groups_and_what_yielded_beneath_them(visit: Callable[..., Any]) -> None:
    page = open_stubbed(visit)
    assert page.inner_text(".headline") == ABNORMAL["headline"]
    assert page.locator(".lines dt").all_inner_texts() == ["Rhythm", "Conduction", "ST and T"]
    assert page.locator(".lines dd").all_inner_texts() == [
        "Sinus rhythm, rate 72/min SR 97%",
        "Left bundle branch block, QRS 148 ms CLBBB",
        "Secondary ST and T changes INVT 55%",
    ]
    assert page.inner_text(".yielded") == "LAFB not stated: QRS axis +140 degrees 41%"
    for part in ("Not decided", "Too few beats", "irregular", "RR variation"):
        assert part in page.inner_text("#rhythm")


@pytest.mark.parametrize(("kind", "word"), [("normal", "Normal ECG"), ("abnormal", "Abnormal ECG"), ("undecided", "Undecided")])
def test_banner_and_list_say_the_kind_of_the_conclusion_and_nothing_else(visit: Callable[..., Any], kind: str, word: str) -> None:
    page = open_stubbed(visit, {**ABNORMAL, "kind": kind})
    assert page.inner_text("#conclusion-kind").endswith(word)
    assert f"conclusion-{kind}" in page.get_attribute("#conclusion", "class")
    assert page.inner_text("[data-recent=ten_seconds] small").endswith(word)


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_print_is_one_page_and_two_with_reasons(visit: Callable[..., Any], paper: str) -> None:
    page = open_stubbed(visit)
    pages = lambda: len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper, landscape=True)))  # noqa: E731
    assert pages() == 1
    page.check("#print-reasons")
    assert pages() == 2


def drop_all(page: Any, files: list[tuple[str, str]]) -> None:
    transfer = page.evaluate_handle(
        "(files) => { const t = new DataTransfer(); for (const [name, text] of files) t.items.add(new File([text], name)); return t; }",
        files,
    )
    page.dispatch_event("#drop-zone", "drop", {"dataTransfer": transfer})


def test_ten_files_are_read_one_after_another_and_a_wrong_one_stops_none(visit: Callable[..., Any], recordings: Path) -> None:
    page = visit()
    text = (recordings / "ten_seconds.csv").read_text(encoding="utf-8")
    files = [(f"patient_{index}.csv", text) for index in range(10)]
    files[3] = ("patient_3.csv", "no ECG")
    drop_all(page, files)
    page.wait_for_function("() => document.querySelectorAll('[data-recent]').length === 9", timeout=60_000)
    page.wait_for_selector("#work:not([aria-busy])")
    assert page.inner_text("#record-heading") == "patient_0"
    assert page.get_attribute("[data-failed]", "data-failed") == "patient_3.csv"
    assert "✗" in page.inner_text("[data-failed]")
    page.click("[data-recent=patient_9]")
    assert page.inner_text("#record-heading") == "patient_9"


def test_the_two_files_of_a_record_belong_together(visit: Callable[..., Any]) -> None:
    names = ["a.hea", "b.csv", "a.dat", "c.mat", "c.hea", "d.dat"]
    grouped = visit().evaluate(
        """async (names) => { const { recordsOf } = await import("/static/files.js");
          return recordsOf(names.map((name) => ({ name }))).map((files) => files.map(({ name }) => name)); }""",
        names,
    )
    assert grouped == [["a.hea", "a.dat"], ["b.csv"], ["c.mat", "c.hea"], ["d.dat"]]


def test_a_tapped_sample_shows_its_reading_and_the_tracing_fits_the_phone(visit: Callable[..., Any]) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.tap("[data-sample=ten_seconds]")
    page.wait_for_selector("#reading:not([hidden])")
    page.wait_for_timeout(300)
    box = page.locator("#conclusion").bounding_box()
    assert 0 <= box["y"] < 500
    sheet = page.locator("#tracing .tracing-sheet")
    assert sheet.bounding_box()["width"] <= 390
    # Ten seconds from edge to edge.
    assert "0.0 to 10.0 s" in page.inner_text(".tracing-stretch >> nth=0")


def test_nothing_on_the_page_is_smaller_than_twelve_pixels(visit: Callable[..., Any]) -> None:
    page = open_stubbed(visit)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => !node.closest("#printed") && node.checkVisibility()
             && [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
             .map((node) => [parseFloat(getComputedStyle(node).fontSize), node.className || node.tagName])"""
    )
    assert len(sizes) > 100
    assert [name for size, name in sizes if size < 12] == []


@pytest.mark.parametrize("locale", ["en-US", "fr-FR", "ar"])
def test_an_error_names_what_the_page_has_and_no_option_of_the_command_line(visit: Callable[..., Any], locale: str) -> None:
    page = visit(locale=locale)
    drop_all(page, [("mine.csv", "I,II\n" + "0,0\n0.1,0.2\n" * 3000)])
    page.wait_for_selector("#error:not([hidden])")
    assert "--" not in page.inner_text("#error")
    assert json.loads(page.evaluate("JSON.stringify(document.getElementById('file-settings').open)"))
