"""Three languages, one of them from right to left; and what the page weighs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heart_reader.data.formats import format_titles
from heart_reader.frontend.routes import STATIC_DIR

pytestmark = pytest.mark.browser

MOST_BYTES = 360_000


def words(language: str) -> dict[str, Any]:
    return json.loads((STATIC_DIR / "languages" / f"{language}.json").read_text(encoding="utf-8"))


def open_reading(page: Any, sample: str = "ten_seconds") -> None:
    page.click(f"[data-sample={sample}]")
    page.wait_for_selector("#reading:not([hidden])")


def test_the_language_is_the_browsers_until_another_is_chosen_and_then_remembered(visit: Callable[..., Any]) -> None:
    page = visit(locale="fr-CA")
    assert page.inner_text(".notice") == words("fr")["notice"]
    page.select_option("#language", "en")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    page.reload()
    page.wait_for_selector("[data-sample]")
    assert page.inner_text(".notice") == words("en")["notice"]


def test_a_language_that_is_not_there_becomes_english(visit: Callable[..., Any]) -> None:
    assert visit(locale="fi-FI").get_attribute("html", "lang") == "en"


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_reading_on_the_page_is_said_again_in_another_language(visit: Callable[..., Any], language: str) -> None:
    page = visit()
    open_reading(page)
    page.click("#classes tr[data-class=MI] .why")
    page.wait_for_selector("#reason:not([hidden])")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.select_option("#language", language)
    page.wait_for_function("code => document.documentElement.lang === code", arg=language)
    page.wait_for_function(
        "text => document.querySelector('#reading-heading').textContent === text", arg=words(language)["reading"]["heading"]
    )
    assert page.is_visible("#reason")
    assert words(language)["classes"]["MI"]["name"] in page.inner_text("#reason-heading")
    assert words(language)["classes"]["MI"]["lay"] in page.inner_text("#classes tr[data-class=MI]")
    assert words(language)["tracing"]["heading"] in page.inner_text("#tracing h2")
    assert [url for url in sent if "api" in url] == []


@pytest.mark.parametrize(
    ("locale", "warning", "reason"),
    [
        ("fr-FR", "Dérivations manquantes, laissées de côté : V3", "il faut aVL et V3"),
        ("ar-EG", "اتجاهات ناقصة تُركت جانبًا: V3", "يلزم aVL وV3"),
    ],
)
def test_warnings_findings_and_reasons_are_said_in_the_language_of_the_page(
    visit: Callable[..., Any], locale: str, warning: str, reason: str
) -> None:
    page = visit(locale=locale)
    open_reading(page, "no_v3")
    warnings = page.text_content("#warnings").replace("\u2068", "").replace("\u2069", "")
    assert warning in warnings
    assert page.query_selector("#warnings [lang], .measurements [lang]") is None
    assert reason in page.text_content("[data-measurement=cornell_mv]")
    page.click("#classes tr[data-class=MI] .why")
    page.wait_for_selector("#reason:not([hidden])")
    assert page.query_selector("#reason [lang=en]") is None
    page.select_option("#language", "en")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert "Missing and left out: lead V3" in page.text_content("#warnings")


def test_a_sentence_that_the_page_does_not_know_stays_english_and_is_marked_so(visit: Callable[..., Any]) -> None:
    page = visit(locale="ar-EG")
    shown = page.evaluate(
        """async () => { const { said } = await import("/static/messages.js");
          const messages = { "1.5 old, new": { code: "few_usable_leads", values: { usable: 1.5, leads: "constructor" } },
            "from later": { code: "not_yet", values: {} } };
          return ["1.5 old, new", "from later", "constructor"].map((text) => said("p", {}, text, messages))
            .map((node) => [node.lang, node.dir, node.textContent.replace(/[\\u2066-\\u2069]/g, "")]); }"""
    )
    assert shown[0][:2] == ["", ""]
    assert "1.5" in shown[0][2]
    assert shown[1:] == [["en", "ltr", "from later"], ["en", "ltr", "constructor"]]


def test_formulas_and_numbers_within_arabic_sentences_read_from_left_to_right(visit: Callable[..., Any]) -> None:
    page = visit(locale="ar-EG")
    placed = page.evaluate(
        """async () => { const { said } = await import("/static/messages.js");
          const identity = "aVR is not -(I + II)/2";
          const messages = { broken: { code: "identities_broken", values: { formulas: [identity] } },
            [identity]: { code: "identity_broken", values: { lead: "aVR", formula: "-(I + II)/2" } },
            slow: { code: "too_slow", values: { rate: 38.5, qrs: 180, qt: 700 } } };
          const at = (sentence, parts) => {
            const node = said("p", {}, sentence, messages);
            document.body.append(node);
            const text = node.firstChild;
            return parts.map((part) => { const range = document.createRange(); const from = text.data.indexOf(part);
              range.setStart(text, from); range.setEnd(text, from + part.length); return range.getBoundingClientRect().left; });
          };
          return [at("broken", ["-(", "I + II", ")/2"]), at("slow", ["38.5", "/min"]), at("slow", ["QT", "700"])]; }"""
    )
    for lefts in placed:
        assert lefts == sorted(lefts), placed
    formula, qrs = placed[0], placed[1]
    assert len(set(formula)) == 3
    assert len(set(qrs)) == 2


def test_no_english_words_are_left_in_arabic(visit: Callable[..., Any]) -> None:
    """Only names, codes, units and the server's marked English have Latin letters."""
    page = visit(locale="ar-EG")
    open_reading(page)
    left = page.evaluate(
        r"""() => { const found = []; const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) { const node = walker.currentNode; const parent = node.parentElement;
            if (parent.closest("[lang=en], bdi, code, kbd, .code, noscript, option, [translate=no], .tracing")) continue;
            for (const word of node.textContent.match(/[a-zA-Z]{4,}/g) ?? []) found.push(word); }
          return [...new Set(found)]; }"""
    )
    formats = {word for title in format_titles() for word in re.findall("[a-zA-Z]{4,}", title)}
    in_names = {"heart", "reader", "inception", "seconds"}
    assert set(left) <= {"JSON", "AUROC", "ACCF", "RMSSD"} | formats | in_names


def test_arabic_runs_from_right_to_left_but_tracing_numbers_and_units_do_not(visit: Callable[..., Any]) -> None:
    page = visit(locale="ar-EG")
    open_reading(page)
    direction = "selector => getComputedStyle(document.querySelector(selector)).direction"
    assert page.evaluate(direction, "body") == "rtl"
    for selector in (".tracing-sheet", "#classes .bar", "#classes .value bdi", "#tracing-facts bdi"):
        assert page.evaluate(direction, selector) == "ltr", selector
    source, work = (page.evaluate("id => document.querySelector(id).getBoundingClientRect().left", name) for name in (".source", "#work"))
    assert source > work
    # A bar grows from the left in every language, as its scale does.
    fill, track = (page.evaluate("at => document.querySelector(at).getBoundingClientRect().left", at) for at in (".bar-fill", ".bar-track"))
    assert fill == pytest.approx(track, abs=0.5)
    assert "55" not in page.inner_text("#tracing-facts")
    assert "500 Hz" in page.inner_text("#tracing-facts")


@pytest.mark.parametrize("locale", ["en-US", "fr-FR", "ar-EG"])
def test_the_first_load_weighs_less_than_360_kb(browser: Any, address: str, locale: str) -> None:
    context = browser.new_context(locale=locale)
    page = context.new_page()
    bodies: dict[str, int] = {}
    page.on("requestfinished", lambda request: bodies.update({request.url: len(request.response().body())}))
    page.goto(address)
    page.wait_for_selector("[data-sample]")
    page.wait_for_load_state("networkidle")
    assert len(bodies) > 20
    assert all(url.startswith(address) for url in bodies)
    assert sum(bodies.values()) < MOST_BYTES
    assert sum(f"languages/{locale[:2]}.json" in url for url in bodies) == 1
    context.close()


def test_a_measurement_out_of_its_range_has_a_mark_and_a_word_and_says_whose_limit(visit: Callable[..., Any]) -> None:
    page = visit()
    shown = page.evaluate(
        """async () => { const { renderMeasurements } = await import("/static/measurements.js");
          const of = (value, unit, reason = null) => ({ value, unit, reason });
          const measurements = { heart_rate_bpm: of(50, "bpm"), pr_ms: of(160, "ms"), qtc_fridericia_ms: of(455, "ms"),
            qtc_bazett_ms: of(505, "ms"), qrs_ms: of(120, "ms"), p_ms: of(null, "ms", "no P wave"), qrs_axis_deg: of(-31, "deg"),
            unheard_of: of(1, "") };
          const all = (sex, age) => [...renderMeasurements({ measurements, sex, age }).querySelectorAll("[data-measurement]")];
          const rows = (sex, age = 60) => Object.fromEntries(all(sex, age)
            .map((row) => [row.dataset.measurement, [row.dataset.place ?? null, row.textContent]]));
          return [rows("male"), rows("female"), rows(null), rows("male", 12)]; }"""
    )
    man, woman, unknown, child = shown
    assert man["heart_rate_bpm"][0] == "low"
    assert "▼ below" in man["heart_rate_bpm"][1]
    assert man["pr_ms"][0] == "within"
    assert (man["qtc_fridericia_ms"][0], woman["qtc_fridericia_ms"][0]) == ("high", "within")
    assert "limit for men" in unknown["qtc_fridericia_ms"][1]
    assert man["qtc_bazett_ms"][0] == "severe"
    assert "high risk" in man["qtc_bazett_ms"][1]
    assert man["qrs_ms"][0] == "high"
    assert man["qrs_axis_deg"][0] == "low"
    assert "not measured" in man["p_ms"][1]
    assert "no P wave" in man["p_ms"][1]
    assert man["unheard_of"][0] is None
    assert {place for place, _ in child.values()} == {None}


def test_the_page_stores_nothing_of_a_reading(visit: Callable[..., Any], recordings: Path) -> None:
    page = visit()
    page.set_input_files("#file-input", recordings / "ten_seconds.csv")
    page.wait_for_selector("#reading:not([hidden])")
    page.select_option("#theme", "dark")
    page.select_option("#language", "fr")
    page.wait_for_function("() => document.documentElement.lang === 'fr'")
    assert page.evaluate("Object.keys(localStorage).sort()") == ["heart_reader.language", "heart_reader.theme"]
    assert page.evaluate("sessionStorage.length + document.cookie.length") == 0


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_summary_is_the_readings_with_names_in_place_of_codes(visit: Callable[..., Any], language: str) -> None:
    page = visit(locale=language)
    open_reading(page)
    reading = page.evaluate("async () => (await fetch('api/v1/samples/ten_seconds')).json()")
    first = next(name for band in reading["bands"].values() for name in band["classes"])
    names = page.evaluate("async () => (await (await fetch('api/v1/model')).json()).statement_names")
    name = words(language)["classes"][first].get("name", names[first])
    summary = re.sub("[\u2066-\u2069]", "", page.inner_text(".summary"))
    assert f"{name} (" in summary
    assert f"{first} (" not in summary


def test_the_dialog_and_the_hint_name_the_formats_of_the_server(visit: Callable[..., Any]) -> None:
    page = visit()
    formats = page.evaluate("async () => (await (await fetch('api/v1/model')).json()).formats")
    assert {"csv", "dicom", "edf", "wfdb"} <= {one["name"] for one in formats}
    assert page.get_attribute("#file-input", "accept").split(",") == [
        ending for one in formats for ending in (*one["suffixes"], *one["companions"])
    ]
    assert all(one["title"] in page.inner_text("#file-hint") for one in formats)
