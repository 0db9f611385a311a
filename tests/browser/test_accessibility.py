"""Accessibility: axe-core finds nothing, the keyboard suffices, narrow screens do not scroll."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOCALES = {"en": "en-US", "fr": "fr-FR", "ar": "ar-EG"}
# WCAG 2.2 A and AA, and what axe counts as good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    """What axe finds, one line for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", RULES)["violations"]
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for rule in found for node in rule["nodes"]]


def open_reading(page: Any, sample: str) -> None:
    page.click(f"[data-sample={sample}]")
    page.wait_for_selector("#reading:not([hidden])")


# Every language and both themes each time; the other pairs with the slow tests.
PAIRS = [("en", "light"), ("fr", "dark"), ("ar", "light")]
FURTHER_PAIRS = [
    pytest.param(language, theme, marks=pytest.mark.slow) for language, theme in [("en", "dark"), ("fr", "light"), ("ar", "dark")]
]


@pytest.mark.parametrize(("language", "theme"), [*PAIRS, *FURTHER_PAIRS])
def test_axe_finds_nothing_in_any_view(visit: Callable[..., Any], language: str, theme: str) -> None:
    page = visit(locale=LOCALES[language], color_scheme=theme, reduced_motion="reduce")
    assert page.get_attribute("html", "lang") == language
    assert violations(page) == [], "nothing opened yet"
    open_reading(page, "no_v3")
    page.click("#classes tr[data-class=MI] .toggle")
    page.click("#classes tr[data-class=IMI] .toggle")
    for details in page.query_selector_all("details:not([open]) > summary"):
        if details.is_visible():
            details.click()
    page.click("#classes tr[data-class=MI] .why")
    page.wait_for_selector("#reason:not([hidden])")
    assert violations(page) == [], "a reading with its reason"
    page.select_option("#compare-with", "sample half_minute")
    page.wait_for_selector("#comparison:not([hidden])")
    assert violations(page) == [], "a comparison"
    page.keyboard.press("?")
    page.wait_for_selector("dialog")
    assert violations(page) == [], "the keys"
    page.keyboard.press("Escape")
    page.set_input_files("#file-input", {"name": "letter.csv", "mimeType": "text/csv", "buffer": b"Dear colleague"})
    page.wait_for_selector("#error:not([hidden])")
    assert violations(page) == [], "an error"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_interface_page(visit: Callable[..., Any], address: str, theme: str) -> None:
    page = visit(color_scheme=theme)
    page.goto(f"{address}/docs")
    page.wait_for_selector(".endpoint")
    assert violations(page) == []


def focused(page: Any) -> tuple[str, bool]:
    """Name of what has the focus, and whether that can be seen."""
    return tuple(
        page.evaluate(
            """() => { const e = document.activeElement; const near = [e, e.nextElementSibling, e.parentElement].filter(Boolean);
              const outlined = near.some((node) => getComputedStyle(node).outlineStyle !== "none");
              return [e.id || e.dataset.sample || e.dataset.tool || e.className || e.tagName.toLowerCase(), outlined]; }"""
        )
    )


def test_everything_can_be_reached_by_keyboard_with_a_visible_focus(visit: Callable[..., Any]) -> None:
    page = visit()
    open_reading(page, "half_minute")
    page.evaluate("document.activeElement.blur()")
    reached, unseen = set(), set()
    for _ in range(90):
        page.keyboard.press("Tab")
        name, visible = focused(page)
        reached.add(name)
        if not visible and name != "body":
            unseen.add(name)
    wanted = {"language", "theme", "show-keys", "file-input", "random-sample", "sample-search", "ten_seconds", "compare-with", "print"}
    assert wanted | {"save-csv", "download", "tracing-sheet", "calipers", "toggle", "button small why"} <= reached
    assert unseen == set()


def test_a_recording_is_opened_read_and_explained_by_keyboard_alone(visit: Callable[..., Any]) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.is_visible(".skip")
    page.keyboard.press("Enter")
    assert focused(page)[0] == "work"
    page.keyboard.press("/")
    page.keyboard.type("ten")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reading:not([hidden])")
    assert "ten_seconds" in page.inner_text("#status")
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tr')?.dataset.class === 'MI' && document.activeElement.matches('.why')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#reason:not([hidden])")
    page.keyboard.press("Escape")
    assert page.is_hidden("#reason")
    assert "why" in focused(page)[0]


@pytest.mark.parametrize("locale", LOCALES.values())
def test_a_narrow_screen_does_not_scroll_sideways(visit: Callable[..., Any], locale: str) -> None:
    """320 px is a screen of 1280 px at a zoom of 400 % (WCAG 1.4.10)."""
    page = visit(locale=locale, viewport={"width": 320, "height": 640})
    open_reading(page, "no_v3")
    page.click("#classes tr[data-class=MI] .toggle")
    page.click("#classes tr[data-class=MI] .why")
    page.wait_for_selector("#reason:not([hidden])")
    page.select_option("#compare-with", "sample half_minute")
    page.wait_for_selector("#comparison:not([hidden])")
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => { const box = node.getBoundingClientRect();
          const apart = node.closest(".wide, .visually-hidden, .skip, .tracing-sheet, .tracing-print");
          return box.width > 0 && (box.right > 321 || box.left < -1) && !apart; })
          .map((node) => `${node.tagName} ${node.id} ${node.className}`).slice(0, 8)"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, wide


def test_motion_stops_where_a_person_asked_for_less(visit: Callable[..., Any]) -> None:
    page = visit(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.getElementById('drop-zone')).transitionDuration") == "0s"
