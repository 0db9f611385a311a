"""The page as a person uses it: samples, files, words, numbers, exports and errors."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.readings import REPORT

pytestmark = pytest.mark.browser

NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
CLASSES = ["NORM", "MI", "STTC", "CD", "HYP"]
TOP = "#classes tbody tr[data-depth='0']"


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    """The opened page."""
    return visit()


def pick(page: Any, sample: str) -> None:
    page.click(f"[data-sample='{sample}']")
    page.wait_for_function("id => document.getElementById('record-heading')?.textContent === id", arg=sample)
    page.wait_for_selector("#reading:not([hidden])")


def drop(page: Any, name: str, text: str) -> None:
    """Drop a file on the zone as a mouse does."""
    transfer = page.evaluate_handle(
        "([name, text]) => { const t = new DataTransfer(); t.items.add(new File([text], name)); return t; }", [name, text]
    )
    page.dispatch_event("#drop-zone", "dragover", {"dataTransfer": transfer})
    assert "dragging" in page.get_attribute("#drop-zone", "class")
    page.dispatch_event("#drop-zone", "drop", {"dataTransfer": transfer})


def served(page: Any, address: str, recordings: Path, name: str = "ten_seconds") -> dict[str, Any]:
    """What the server answers for a recording."""
    upload = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": (recordings / f"{name}.csv").read_bytes()}
    return page.request.post(f"{address}/api/v1/predict", multipart={"file": upload}).json()


def save(page: Any, button: str, to: Path) -> str:
    with page.expect_download() as started:
        page.click(button)
    started.value.save_as(to)
    return started.value.suggested_filename


def test_a_sample_is_drawn_and_read(page: Any) -> None:
    assert page.inner_text(".notice") == NOTICE
    pick(page, "ten_seconds")
    rows = page.query_selector_all(TOP)
    assert [row.get_attribute("data-class") for row in rows] == CLASSES
    for row in rows:
        text = row.inner_text()
        assert "%" in text
        assert any(word in text for word in ("Present", "Absent", "Uncertain"))
        assert 0 <= float(row.eval_on_selector(".bar-fill", "bar => bar.style.width").rstrip("%")) <= 100
    assert page.inner_text(".summary")
    assert "inception1d" in page.inner_text(".model")
    assert page.is_visible("#tracing canvas")
    assert NOTICE in page.inner_text("body")


def test_quality_warnings_and_conclusion_stand_before_the_tracing(page: Any) -> None:
    pick(page, "no_v3")
    assert "V3" in page.text_content("#warnings")
    assert "11 of 12 leads" in page.inner_text(".quality")
    order = page.evaluate(
        "['.quality', '#warnings', '#conclusion', '#tracing', '#classes']"
        ".map((at) => document.querySelector(at).getBoundingClientRect().top)"
    )
    assert order == sorted(order)
    assert page.get_attribute("#conclusion", "data-kind") in {"normal", "abnormal", "undecided"}


def test_the_reading_on_the_page_is_the_reading_of_the_server(page: Any, address: str, recordings: Path, tmp_path: Path) -> None:
    pick(page, "ten_seconds")
    assert save(page, "#download", tmp_path / "reading.json") == "ten_seconds.reading.json"
    saved = json.loads((tmp_path / "reading.json").read_text(encoding="utf-8"))
    assert saved == served(page, address, recordings)
    shown = page.inner_text(f"{TOP}[data-class=MI] .value")
    assert shown.endswith("%")
    assert saved["levels"]["superdiagnostic"]["MI"]["probability"] * 100 == pytest.approx(float(shown.strip("<>% ")), abs=0.06)
    assert saved["notice"] == NOTICE
    assert "waveform" not in saved


def test_the_reading_as_csv_holds_the_notice_and_every_number(page: Any, address: str, recordings: Path, tmp_path: Path) -> None:
    pick(page, "ten_seconds")
    save(page, "#save-csv", tmp_path / "reading.csv")
    with (tmp_path / "reading.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert (rows[0]["section"], rows[0]["note"]) == ("notice", NOTICE)
    for level, classes in served(page, address, recordings)["levels"].items():
        written = {row["name"]: row for row in rows if row["section"] == level}
        assert written.keys() == classes.keys()
        for name, entry in classes.items():
            assert float(written[name]["value"]) == entry["probability"]
            assert written[name]["decision"] == entry["decision"]


def with_report(page: Any) -> None:
    """Let the server's readings come with a recorder's report, whatever the file was."""

    def answer(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "device_report": REPORT.to_json()})

    page.route(re.compile(r"/api/v1/samples/[^/]+(\?.*)?$"), answer)


def test_what_the_recorder_said_stands_beside_ours_and_apart_from_it(page: Any, tmp_path: Path) -> None:
    pick(page, "half_minute")
    page.wait_for_selector(".model")
    assert page.query_selector(".recorder") is None
    with_report(page)
    pick(page, "ten_seconds")
    page.wait_for_selector(".recorder")
    ours = page.inner_text(".measurements:not(.recorder) [data-measurement=heart_rate_bpm] b")
    cells = page.eval_on_selector_all("[data-recorder=heart_rate_bpm] td", "cells => cells.map((cell) => cell.textContent)")
    assert cells == [ours, "70", f"{int(ours) - 70:+d} /min".replace("-", "−").replace("+0", "0")]
    assert page.eval_on_selector_all(".recorder-statements li", "all => all.map((one) => one.textContent)") == list(REPORT.statements)
    assert REPORT.statements[0] not in page.inner_text(".answer")
    assert "Not confirmed" in page.inner_text(".recorder")
    save(page, "#save-csv", tmp_path / "reading.csv")
    with (tmp_path / "reading.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["section"] == "recorder"]
    assert [row["note"] for row in rows if row["name"] == "statement"] == list(REPORT.statements)
    assert {row["name"]: float(row["value"]) for row in rows if row["name"] != "statement"} == dict(REPORT.measurements)


def test_no_cell_of_the_csv_is_a_formula(page: Any, tmp_path: Path, recordings: Path) -> None:
    drop(page, "=HYPERLINK(1).csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("#reading:not([hidden])")
    text = page.evaluate(
        """async () => { const { readingCsv } = await import("/static/export_reading.js");
          return readingCsv({ notice: "=1+1", record_id: "@x", source_format: "csv", fs: 1, duration_s: 1, model: {},
            warnings: ["-2\\n,\\""],
            quality: { verdict: "good", n_usable_leads: 1, n_leads: 1 }, levels: {}, measurements: {} }); }"""
    )
    rows = list(csv.reader(text.lstrip("\ufeff").splitlines(keepends=True)))
    assert {len(row) for row in rows} == {12}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+", "-"))]


def test_uncertain_zones_are_drawn_and_said_and_words_are_defined(page: Any, address: str, recordings: Path) -> None:
    reading = served(page, address, recordings)
    pick(page, "ten_seconds")
    for name, entry in reading["levels"]["superdiagnostic"].items():
        row = page.query_selector(f"{TOP}[data-class={name}]")
        zone = row.query_selector(".zone")
        assert (zone is None) == (entry["zone"] is None)
        assert "uncertain" in row.inner_text().lower()
        if zone is not None:
            low, high = entry["zone"]
            left, width = (float(zone.evaluate(f"part => part.style.{side}").rstrip("%")) for side in ("left", "width"))
            assert (left, left + width) == pytest.approx((100 * low, 100 * high), abs=0.01)
            assert row.eval_on_selector(".tick", "tick => parseFloat(tick.style.left)") == pytest.approx(100 * entry["threshold"], abs=0.01)
    assert page.is_hidden("#bands dl")
    page.focus("#bands summary")
    page.keyboard.press("Enter")
    words = page.inner_text("#bands")
    for entry in reading["bands"].values():
        assert (entry["definition"] in words) == bool(entry["classes"])


def test_a_superclass_opens_into_subclasses_and_statements(page: Any) -> None:
    pick(page, "ten_seconds")
    below = "#classes tr[data-depth='1'][data-class=IMI]"
    statement = "#classes tr[data-depth='2'][data-class=ILMI]"
    assert page.is_hidden(below)
    page.focus(f"{TOP}[data-class=MI] .toggle")
    page.keyboard.press("Enter")
    assert page.is_visible(below)
    assert page.is_hidden(statement)
    page.click(f"{below} .toggle")
    assert page.is_visible(statement)
    assert "%" in page.inner_text(statement)
    page.click(f"{TOP}[data-class=MI] .toggle")
    assert page.is_hidden(below)
    assert page.is_hidden(statement)
    assert page.get_attribute(f"{TOP}[data-class=MI] .toggle", "aria-expanded") == "false"


def test_explanations_are_for_lay_people_or_for_clinicians(page: Any) -> None:
    pick(page, "ten_seconds")
    words = f"{TOP}[data-class=CD] .class-words"
    lay = page.inner_text(words)
    page.check("input[name=reader][value=clinical]")
    assert "bundle branch" in page.inner_text(words)
    assert page.inner_text(words) != lay


def test_what_a_sample_was_made_to_show_is_said_beside_what_was_read(page: Any, address: str, recordings: Path) -> None:
    pick(page, "ten_seconds")
    decision = served(page, address, recordings)["levels"]["superdiagnostic"]["MI"]["decision"]
    assert "Myocardial infarction" in page.inner_text("#truth")
    assert f"read as {decision}" in page.inner_text("#truth")
    pick(page, "half_minute")
    assert page.query_selector("#truth") is None


def test_the_reason_shows_leads_and_moments_and_gives_the_focus_back(page: Any) -> None:
    pick(page, "half_minute")
    page.click(f"{TOP}[data-class=MI] .why")
    page.wait_for_selector("#reason:not([hidden])")
    shares = [float(text.strip("<>% ")) for text in page.locator("#reason .lead-shares .number").all_inner_texts()]
    assert len(shares) == 12
    assert sum(shares) == pytest.approx(100, abs=6)
    assert page.evaluate("document.activeElement.id") == "reason-heading"
    moment = page.locator("#reason .moment").last
    start_s = float(moment.get_attribute("data-start"))
    moment.click()
    if start_s > 0:
        page.wait_for_function("() => location.hash.includes('&t=')")
        assert f"&t={start_s:g}" in page.url
    page.keyboard.press("Escape")
    assert page.is_hidden("#reason")
    assert page.evaluate("document.activeElement.closest('tr')?.dataset.class") == "MI"


def test_samples_can_be_searched_and_one_opened_at_random(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("half")
    assert [item.get_attribute("data-sample") for item in page.query_selector_all("[data-sample]")] == ["half_minute"]
    assert page.inner_text("#sample-count") == "1 sample matches."
    page.fill("#sample-search", "MI")
    assert page.query_selector("[data-sample=ten_seconds]") is not None
    page.fill("#sample-search", "no such thing")
    assert page.inner_text("#samples") == "No sample matches."
    page.fill("#sample-search", "")
    page.click("#random-sample")
    page.wait_for_selector("#reading:not([hidden])")
    first = page.inner_text("#record-heading")
    page.click("#random-sample")
    page.wait_for_function("id => !['', id].includes(document.getElementById('record-heading')?.textContent ?? '')", arg=first)


def test_what_was_opened_stays_in_this_tab_and_nowhere_else(page: Any, recordings: Path) -> None:
    pick(page, "ten_seconds")
    drop(page, "mine.csv", (recordings / "half_minute.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("[data-recent=mine]")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.click("[data-recent=ten_seconds]")
    assert page.inner_text("#record-heading") == "ten_seconds"
    page.click("[data-recent=mine]")
    assert page.inner_text("#record-heading") == "mine"
    assert [url for url in sent if "api" in url] == []
    assert "mine" not in page.url
    stored = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, (indexedDB ? 1 : 0)]")
    assert "mine" not in "".join(map(str, stored[:3]))
    page.reload()
    page.wait_for_selector("[data-sample]")
    assert page.is_hidden("#recent-part")


def test_a_samples_reading_has_an_address_and_an_upload_has_none(visit: Callable[..., Any], recordings: Path) -> None:
    page = visit("#sample=half_minute&t=12&layout=12x1")
    page.wait_for_selector("#reading:not([hidden])")
    assert page.inner_text("#record-heading") == "half_minute"
    assert "t=12" in page.url
    assert "layout=12x1" in page.url
    assert "12.0" in page.inner_text(".tracing-stretch >> nth=0")
    drop(page, "mine.csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("[data-recent=mine]")
    assert "#" not in page.url
    page.evaluate("location.hash = '#sample=ten_seconds'")
    page.wait_for_function("() => document.getElementById('record-heading')?.textContent === 'ten_seconds'")


def test_an_address_shows_the_same_view_and_holds_only_what_is_unusual(visit: Callable[..., Any]) -> None:
    page = visit()
    pick(page, "half_minute")
    assert page.url.endswith("#sample=half_minute")
    chosen = {"layout": "6x2", "speed": "50", "gain": "20", "rhythmLead": "V5", "filter": "40", "group": "cabrera"}
    for option, value in chosen.items():
        page.select_option(f"#tracing [data-option='{option}']", value)
    page.wait_for_function("() => location.hash.includes('group=cabrera')")
    place = page.url.split("/")[-1]
    assert place == "#sample=half_minute&layout=6x2&speed=50&gain=20&lead=V5&filter=40&group=cabrera"
    setting = page.inner_text("#tracing .tracing-setting")
    other = visit(place)
    other.wait_for_selector("#reading:not([hidden])")
    assert {option: other.input_value(f"#tracing [data-option='{option}']") for option in chosen} == chosen
    assert other.inner_text("#tracing .tracing-setting") == setting
    assert other.url.endswith(place)
    # An address without options means the usual view, whatever was chosen before; what cannot be
    # chosen is passed over.
    other.evaluate("location.hash = '#sample=half_minute&gain=7&filter=%3Cb%3E'")
    other.wait_for_function("() => document.querySelector('#tracing .tracing-setting').textContent.includes('10 mm/mV')")
    assert other.input_value("#tracing [data-option='layout']") == "3x4-rhythm"
    other.wait_for_function("() => location.hash === '#sample=half_minute'")
    drop(other, "mine.csv", "# fs=500\n# unit=mV\nI,II\n" + "0,0\n1,1\n" * 2500)
    other.wait_for_selector("[data-recent=mine]")
    other.select_option("#tracing [data-option='gain']", "20")
    other.wait_for_timeout(300)
    assert "#" not in other.url


def test_going_back_leads_to_the_sample_before(page: Any) -> None:
    pick(page, "ten_seconds")
    pick(page, "no_v3")
    for step, expected in ((page.go_back, "ten_seconds"), (page.go_forward, "no_v3")):
        step()
        page.wait_for_function("id => document.getElementById('record-heading')?.textContent === id", arg=expected)
        assert f"sample={expected}" in page.url


def test_an_address_of_an_unknown_sample_is_an_error_that_can_be_read(visit: Callable[..., Any]) -> None:
    page = visit("#sample=%3Cb%3Enothing")
    page.wait_for_selector("#error:not([hidden])")
    assert "no such sample" in page.inner_text("#error")
    assert page.query_selector("#error b, #status b") is None


def test_two_recordings_side_by_side_and_their_differences(page: Any, address: str, recordings: Path) -> None:
    first, second = (served(page, address, recordings, name)["levels"]["superdiagnostic"]["MI"] for name in ("ten_seconds", "half_minute"))
    pick(page, "ten_seconds")
    page.select_option("#compare-with", "sample half_minute")
    page.wait_for_selector("#comparison:not([hidden])")
    assert page.is_visible("#tracing canvas >> nth=0")
    assert page.is_visible("#tracing-second canvas >> nth=0")
    cells = page.locator("#comparison tr[data-class=MI] td").all_inner_texts()
    change = 100 * (second["probability"] - first["probability"])
    assert float(cells[2].removesuffix(" points").replace("−", "-").replace("±", "")) == pytest.approx(change, abs=0.06)
    assert page.inner_text("#slot-second") == "B half_minute"
    page.keyboard.press("Escape")
    assert page.is_hidden("#comparison")
    assert page.is_hidden("#tracing-second")
    assert page.evaluate("document.activeElement.id") == "compare-with"
    page.select_option("#compare-with", "recent 0")
    page.wait_for_selector("#comparison:not([hidden])")
    pick(page, "no_v3")
    assert page.is_hidden("#comparison")
    assert page.is_hidden("#tracing-second")


def test_a_dropped_file_is_read(page: Any, recordings: Path) -> None:
    drop(page, "<b>mine</b>.csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("#reading:not([hidden])")
    assert "500 Hz" in page.inner_text("#tracing-facts")
    assert page.query_selector("#overview b:has-text('mine')") is None


def test_the_keys_are_shown_and_can_be_switched_off(page: Any) -> None:
    page.keyboard.press("?")
    text = page.inner_text("dialog")
    assert "Open a random sample" in text
    assert "Calipers" in text
    page.uncheck("#keys-enabled")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "sample-search"
    page.keyboard.press("?")
    page.check("#keys-enabled")
    page.click("dialog button")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "sample-search"


def test_the_theme_is_chosen_and_remembered_and_printing_is_on_paper(visit: Callable[..., Any]) -> None:
    page = visit("#sample=ten_seconds", color_scheme="light")
    page.wait_for_selector("#reading:not([hidden])")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.select_option("#theme", "dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.wait_for_selector("[data-sample]")
    assert page.evaluate(ground) == dark
    page.wait_for_selector("#reading:not([hidden])")
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    printed = page.inner_text("#printed")
    for part in (NOTICE, "ten_seconds", "25 mm/s  10 mm/mV", "heart_reader · inception1d"):
        assert part in printed
    assert page.is_hidden(".source")
    assert page.is_hidden("#tracing")


def test_the_interface_page_lists_every_address(page: Any, address: str) -> None:
    page.goto(f"{address}/docs")
    page.wait_for_selector(".endpoint")
    text = page.inner_text("main")
    assert all(path in text for path in ("/api/v1/predict", "/api/v1/model", "/api/v1/samples/{sample_id}", "/ready"))
