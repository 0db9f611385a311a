"""The page as a person uses it: pick a sample, drop a file, measure on the paper, read the errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
CLASSES = ["NORM", "MI", "STTC", "CD", "HYP"]


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The opened page; at the end, nothing may have gone wrong behind it."""
    context = browser.new_context(viewport={"width": 1366, "height": 900}, device_scale_factor=2)
    opened = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    # The browser itself reports every answer above 399; those are what some of these tests are about.
    opened.on("console", lambda line: complaints.append(line.text) if line.type == "error" and "Failed to load" not in line.text else None)
    opened.goto(address)
    opened.wait_for_selector("[data-sample]")
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, "blob:" + address))] == []


def pick(page: Any, sample: str) -> None:
    page.click(f"[data-sample='{sample}']")
    page.wait_for_selector("#reading:not([hidden])")


def drop(page: Any, name: str, text: str) -> None:
    """Drop a file on the zone as a mouse does."""
    transfer = page.evaluate_handle(
        "([name, text]) => { const t = new DataTransfer(); t.items.add(new File([text], name)); return t; }", [name, text]
    )
    page.dispatch_event("#drop-zone", "dragover", {"dataTransfer": transfer})
    assert "dragging" in page.get_attribute("#drop-zone", "class")
    page.dispatch_event("#drop-zone", "drop", {"dataTransfer": transfer})


def black_extent(page: Any, x: tuple[float, float], y: tuple[float, float]) -> dict[str, float]:
    """Return the extent in millimetres of what is drawn in black in a part of the paper."""
    return page.evaluate(
        """async ([[x0, x1], [y0, y1]]) => {
          const { planSheet, STANDARD_LEADS } = await import("/static/layout.js");
          const canvas = document.getElementById("paper");
          const sheet = planSheet("3x4", STANDARD_LEADS);
          const [sx, sy] = [canvas.width / sheet.width, canvas.height / sheet.height];
          const [left, top] = [Math.round(x0 * sx), Math.round(y0 * sy)];
          const image = canvas.getContext("2d").getImageData(left, top, Math.round((x1 - x0) * sx), Math.round((y1 - y0) * sy));
          const found = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity, pixelRatio: sx / sy };
          for (let row = 0; row < image.height; row += 1) for (let column = 0; column < image.width; column += 1) {
            if (image.data[4 * (row * image.width + column)] > 90) continue;
            found.left = Math.min(found.left, (left + column) / sx); found.right = Math.max(found.right, (left + column + 1) / sx);
            found.top = Math.min(found.top, (top + row) / sy); found.bottom = Math.max(found.bottom, (top + row + 1) / sy);
          }
          return found;
        }""",
        [x, y],
    )


def test_a_sample_is_drawn_and_read(page: Any) -> None:
    assert page.inner_text(".notice") == NOTICE
    pick(page, "ten_seconds")
    rows = page.query_selector_all("#classes tbody tr")
    assert [row.get_attribute("data-class") for row in rows] == CLASSES
    for row in rows:
        text = row.inner_text()
        assert "%" in text
        assert any(word in text for word in ("Present", "Absent", "Uncertain"))
        assert 0 <= float(row.eval_on_selector(".bar-fill", "bar => bar.style.width").rstrip("%")) <= 100
    assert page.inner_text(".summary")
    assert "inception1d" in page.inner_text(".model")
    assert "25 mm/s  10 mm/mV  ·  display filter off" in page.get_attribute("#paper", "aria-label")
    assert page.is_hidden("#position")
    assert NOTICE in page.inner_text("body")


def test_the_reading_on_the_page_is_the_reading_of_the_server(page: Any, address: str, recordings: Path, tmp_path: Path) -> None:
    pick(page, "ten_seconds")
    with page.expect_download() as started:
        page.click("#download")
    started.value.save_as(tmp_path / "reading.json")
    saved = json.loads((tmp_path / "reading.json").read_text(encoding="utf-8"))
    upload = {"name": "ten_seconds.csv", "mimeType": "text/csv", "buffer": (recordings / "ten_seconds.csv").read_bytes()}
    assert saved == page.request.post(f"{address}/api/v1/predict", multipart={"file": upload}).json()
    shown = page.inner_text("#classes tbody tr[data-class=MI] .value")
    assert shown.endswith("%")
    assert saved["levels"]["superdiagnostic"]["MI"]["probability"] * 100 == pytest.approx(float(shown.strip("<>% ")), abs=0.06)
    assert "waveform" not in saved


def test_uncertain_zones_are_drawn_and_said_and_words_are_defined(page: Any, address: str, recordings: Path) -> None:
    upload = {"name": "ten_seconds.csv", "mimeType": "text/csv", "buffer": (recordings / "ten_seconds.csv").read_bytes()}
    reading = page.request.post(f"{address}/api/v1/predict", multipart={"file": upload}).json()
    pick(page, "ten_seconds")
    for name, entry in reading["levels"]["superdiagnostic"].items():
        row = page.query_selector(f"#classes tr[data-class={name}]")
        zone = row.query_selector(".zone")
        assert (zone is None) == (entry["zone"] is None)
        assert "uncertain" in row.inner_text().lower()
        if zone is not None:
            low, high = entry["zone"]
            left, width = (float(zone.evaluate(f"part => part.style.{side}").rstrip("%")) for side in ("left", "width"))
            assert (left, left + width) == pytest.approx((100 * low, 100 * high), abs=0.01)
            assert row.eval_on_selector(".tick", "tick => parseFloat(tick.style.left)") == pytest.approx(100 * entry["threshold"], abs=0.01)
    assert page.inner_text(".summary") == reading["summary"]
    assert page.is_hidden("#bands dl")
    page.focus("#bands summary")
    page.keyboard.press("Enter")
    words = page.inner_text("#bands")
    assert reading["decision_rule"] in words
    for entry in reading["bands"].values():
        assert (entry["definition"] in words) == bool(entry["classes"])


def test_one_second_is_25_mm_and_one_millivolt_is_10_mm(page: Any) -> None:
    """A pulse of 1 mV and 200 ms in lead I covers as much paper as the calibration pulse, and stands where its time is."""
    pick(page, "ten_seconds")
    line = 0.3
    calibration = black_extent(page, (6.8, 13.2), (17, 33))
    pulse = black_extent(page, (15 + 1.2 * 25, 15 + 1.8 * 25), (17, 33))
    edges = black_extent(page, (15 + 1.2 * 25, 15 + 1.8 * 25), (19, 25))  # above the baseline only the pulse itself is left
    assert calibration["pixelRatio"] == pytest.approx(1, abs=0.002)
    for drawn in (calibration, pulse):
        assert drawn["bottom"] - drawn["top"] == pytest.approx(10 + line, abs=0.25)
    assert edges["left"] == pytest.approx(15 + 1.4 * 25, abs=0.3)
    assert edges["right"] - edges["left"] == pytest.approx(5 + line, abs=0.35)


def test_the_canvas_has_the_pixels_of_the_screen_and_an_even_grid(page: Any) -> None:
    pick(page, "ten_seconds")
    shown = page.evaluate("(() => { const c = document.getElementById('paper'); return [c.width, c.getBoundingClientRect().width]; })()")
    assert shown[0] == pytest.approx(2 * shown[1], abs=0.5)
    assert shown[0] * 5 / 270 == pytest.approx(round(shown[0] * 5 / 270), abs=1e-6)


def test_a_long_recording_is_paged_by_keyboard(page: Any) -> None:
    pick(page, "half_minute")
    assert page.inner_text("#position-text") == "0.0 to 10.0 s of 30.0 s"
    assert "reduced bandwidth (up to 50 Hz)" in page.get_attribute("#paper", "aria-label")
    before = page.evaluate("document.getElementById('paper').toDataURL()")
    page.focus("#position-slider")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#position-text") == "1.0 to 11.0 s of 30.0 s"
    page.keyboard.press("End")
    assert page.inner_text("#position-text") == "20.0 to 30.0 s of 30.0 s"
    assert page.evaluate("document.getElementById('paper').toDataURL()") != before
    assert page.is_visible("#timeline svg >> nth=0")


def test_the_layout_can_be_switched_and_a_short_recording_has_only_rows(page: Any) -> None:
    pick(page, "ten_seconds")
    height = page.evaluate("document.getElementById('paper').height")
    page.check("input[value='12x1']")
    assert page.evaluate("document.getElementById('paper').height") > height
    pick(page, "three_seconds")
    page.wait_for_function("document.getElementById('tracing-facts').textContent.includes('three_seconds')")
    assert page.is_disabled("input[value='3x4']")
    assert page.is_checked("input[value='12x1']")


def test_a_missing_lead_is_said(page: Any) -> None:
    pick(page, "no_v3")
    assert "Not recorded: V3." in page.get_attribute("#paper", "aria-label")
    assert "V3" in page.inner_text("#warnings")
    assert "11 of 12 leads" in page.inner_text(".quality")


def test_a_dropped_file_is_read(page: Any, recordings: Path) -> None:
    drop(page, "<b>mine</b>.csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8"))
    page.wait_for_selector("#reading:not([hidden])")
    assert "500 Hz" in page.inner_text("#tracing-facts")
    assert page.query_selector("#tracing b") is None


def test_a_wrong_file_shows_the_servers_words_and_no_old_reading(page: Any) -> None:
    pick(page, "ten_seconds")
    drop(page, "letter.csv", "Dear colleague, this is no ECG.")
    page.wait_for_selector("#error:not([hidden])")
    assert "letter.csv" in page.inner_text("#error")
    assert page.get_attribute("#error", "role") == "alert"
    assert page.is_hidden("#reading")
    assert page.is_hidden("#tracing")
    pick(page, "ten_seconds")
    assert page.is_hidden("#error")


def test_a_file_in_another_unit_than_it_says_can_be_read_after_saying_it(page: Any, recordings: Path) -> None:
    drop(page, "microvolts.csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8").replace("1.0", "1000"))
    page.wait_for_selector("#error:not([hidden])")
    assert page.is_visible("#setting-unit")  # the error opens the settings that mend it
    page.select_option("#setting-unit", "uV")
    page.click("#read-again")
    page.wait_for_selector("#reading:not([hidden])")
    assert "uV" in page.inner_text("#warnings")


def test_too_large_a_file_is_refused_without_sending_it(page: Any) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate(
        """() => { const t = new DataTransfer(); t.items.add(new File([new Uint8Array(51 * 2 ** 20)], "big.csv"));
          document.getElementById("drop-zone").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: t })); }"""
    )
    page.wait_for_selector("#error:not([hidden])")
    assert "50 MB" in page.inner_text("#error")
    assert sent == []


def test_everything_can_be_reached_by_keyboard_with_a_visible_focus(page: Any) -> None:
    pick(page, "half_minute")
    page.evaluate("document.activeElement.blur()")
    reached, unseen = set(), []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, visible = page.evaluate(
            """(() => { const e = document.activeElement; const shown = [e, e.nextElementSibling, e.parentElement].filter(Boolean);
              const outlined = shown.some((node) => getComputedStyle(node).outlineStyle !== "none");
              return [e.id || e.dataset.sample || e.value || e.tagName.toLowerCase(), outlined]; })()"""
        )
        reached.add(name)
        if not visible and name != "body":
            unseen.append(name)
    assert {"file-input", "ten_seconds", "3x4", "position-slider", "download", "sheet"} <= reached
    assert unseen == []


def test_the_interface_page_lists_every_address(page: Any, address: str) -> None:
    page.goto(f"{address}/docs")
    page.wait_for_selector(".endpoint")
    text = page.inner_text("main")
    assert all(path in text for path in ("/api/v1/predict", "/api/v1/model", "/api/v1/samples/{sample_id}", "/ready"))
