"""Several readers on the page: chosen with one click, each with its own classes and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heart_reader.frontend.routes import STATIC_DIR
from tests.own_readers import LONG_NAMES, OWN_READERS

pytestmark = pytest.mark.browser

OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def address(address_of_several: str) -> str:
    """Where ``visit`` goes in this module."""
    return address_of_several


def words(language: str) -> dict[str, Any]:
    return json.loads((STATIC_DIR / "languages" / f"{language}.json").read_text(encoding="utf-8"))


def shown_classes(page: Any) -> list[str]:
    return [row.get_attribute("data-class") for row in page.query_selector_all("#classes tbody tr[data-depth='0']")]


def wait_for_class(page: Any, name: str) -> None:
    page.wait_for_function("name => [...document.querySelectorAll('#classes tr')].some((row) => row.dataset.class === name)", arg=name)


def test_choosing_a_reader_reads_the_recording_again_and_the_address_keeps_it(visit: Callable[..., Any]) -> None:
    page = visit("#sample=ten_seconds")
    page.wait_for_selector("#reading:not([hidden])")
    names = ["usual", *OWN_READERS, "screen"]
    assert page.eval_on_selector_all("#reader option", "options => options.map((option) => option.value)") == names
    page.select_option("#reader", "cpsc")
    wait_for_class(page, "LBBB")
    assert shown_classes(page) == list(OWN_READERS["cpsc"][1])
    text = page.inner_text("#classes")
    assert "Left bundle branch block" in text or "Complete left bundle branch block" in text
    assert "First degree AV block" in text
    page.wait_for_selector(".model")
    assert "cpsc" in page.inner_text(".model")
    assert page.url.endswith("#sample=ten_seconds&reader=cpsc")
    page.reload()
    wait_for_class(page, "LBBB")
    assert page.input_value("#reader") == "cpsc"
    page.evaluate("location.hash = '#sample=ten_seconds'")
    wait_for_class(page, "NORM")
    assert page.input_value("#reader") == "usual"


def test_what_another_reader_read_is_shown_with_its_own_names(visit: Callable[..., Any]) -> None:
    page = visit("#sample=ten_seconds&reader=beats")
    wait_for_class(page, "V")
    page.select_option("#reader", "single")
    wait_for_class(page, "AFIB")
    assert "Atrial fibrillation, as our ward calls it" in page.inner_text("#classes")
    page.locator("#recent button", has_text="beats").click()
    wait_for_class(page, "V")
    assert "Ventricular ectopic beat" in page.inner_text("#classes")
    assert page.input_value("#reader") == "beats"


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1366), ("en-US", 390), ("ar-EG", 390), ("ar-EG", 820)])
def test_names_like_markup_or_of_another_script_are_text(visit: Callable[..., Any], locale: str, width: int) -> None:
    page = visit("#sample=ten_seconds&reader=names", locale=locale, viewport={"width": width, "height": 900})
    wait_for_class(page, LONG_NAMES[0])
    assert shown_classes(page) == list(LONG_NAMES)
    titles = [title.inner_text().strip() for title in page.query_selector_all("#classes tbody .class-name")]
    assert titles == list(LONG_NAMES)
    assert page.query_selector("#work img, #work script, #work b:has-text('ward')") is None
    assert page.evaluate(OVERFLOW) <= 0
    page.locator("#classes tbody tr").filter(has_text="onerror").locator(".why").click()
    page.wait_for_selector("#reason:not([hidden])")
    assert LONG_NAMES[1] in page.inner_text("#reason-heading")
    assert page.query_selector("#work img") is None


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_words_of_other_classes_are_in_every_language(visit: Callable[..., Any], language: str) -> None:
    page = visit("#sample=ten_seconds&reader=beats", locale=language)
    wait_for_class(page, "V")
    for code in "NSVFQ":
        row = page.inner_text(f"#classes tr[data-class={code}]")
        entry = words(language)["classes"][f"beat_{code}"]
        assert entry["name"] in row
        assert entry["lay"] in row
    assert page.inner_text("label[for=reader]") == words(language)["readers"]["label"]


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_binary_questions_are_one_click_away(visit: Callable[..., Any], language: str) -> None:
    page = visit("#sample=ten_seconds", locale=language)
    page.wait_for_selector("#reading:not([hidden])")
    assert page.inner_text("#screens summary") == words(language)["screens"]["heading"]
    page.click("#screens summary")
    page.wait_for_selector("#screens tr[data-level=mi_vs_norm]")  # drawn once it is opened
    text = page.inner_text("#screens")
    assert words(language)["levels"]["mi_vs_norm"] in text
    served = page.evaluate("async () => (await fetch('api/v1/samples/ten_seconds')).json()")
    probability = served["screens"]["mi_vs_norm"]["classes"]["MI"]["probability"]
    shown = page.inner_text("#screens tr[data-level=mi_vs_norm] .value")
    digits = "".join(mark for mark in shown if mark.isdigit() or mark in ".,").replace(",", ".")
    assert float(digits) == pytest.approx(100 * probability, abs=0.06)
    assert page.query_selector("#screens [lang=en]") is None
    page.click("#screens tr[data-level=mi_vs_norm] .why")
    page.wait_for_selector("#reason:not([hidden])")
    page.select_option("#reader", "names")
    wait_for_class(page, LONG_NAMES[0])
    assert page.query_selector("#screens") is None


def test_a_reader_that_is_not_there_is_an_error_that_can_be_read(visit: Callable[..., Any]) -> None:
    page = visit("#sample=ten_seconds&reader=%3Cb%3Enobody")
    page.wait_for_selector("#error:not([hidden])")
    assert words("en")["errors"]["unknown_reader"] in page.inner_text("#error")
    assert page.input_value("#reader") == "usual"
    assert page.query_selector("#error b:has-text('nobody')") is None


def test_readings_of_two_readers_stand_side_by_side(visit: Callable[..., Any]) -> None:
    page = visit("#sample=ten_seconds")
    wait_for_class(page, "NORM")
    page.select_option("#reader", "cpsc")
    wait_for_class(page, "LBBB")
    page.select_option("#compare-with", "recent 0")
    page.wait_for_selector("#comparison:not([hidden])")
    assert page.query_selector("#comparison tr[data-measurement=heart_rate_bpm]") is not None
