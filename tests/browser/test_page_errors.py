"""The page's errors: in the person's language, with the server's words, without an old reading."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key of sixteen letters or more"


def send(page: Any, name: str, text: str) -> None:
    page.set_input_files("#file-input", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def open_sample(page: Any, sample: str) -> None:
    page.click(f"[data-sample='{sample}']")
    page.wait_for_selector("#reading:not([hidden])")


@pytest.mark.parametrize(
    ("locale", "words"), [("en-US", "cannot be read as an ECG"), ("fr-FR", "ne peut pas être lu"), ("ar-EG", "تتعذر قراءة هذا الملف")]
)
def test_a_wrong_file_is_an_error_in_the_persons_language_and_no_old_reading_stays(
    visit: Callable[..., Any], locale: str, words: str
) -> None:
    page = visit(locale=locale)
    open_sample(page, "ten_seconds")
    send(page, "letter.csv", "Dear colleague, this is no ECG.")
    page.wait_for_selector("#error:not([hidden])")
    assert words in page.inner_text("#error")
    # What exactly is wrong and what to do is said in the same language.
    assert page.get_attribute("#error .detail", "lang") is None
    assert "letter.csv" in page.inner_text("#error .detail")
    assert page.get_attribute("#error", "role") == "alert"
    assert page.is_hidden("#reading")
    assert page.is_hidden("#overview")
    assert page.is_hidden("#tracing")
    assert page.query_selector(".item[aria-pressed=true]") is None
    open_sample(page, "ten_seconds")
    assert page.is_hidden("#error")


@pytest.mark.parametrize(
    ("locale", "words", "advice"),
    [("fr-FR", "3 lignes sans fréquence d'échantillonnage", "Réglages du fichier"), ("ar-EG", "بلا معدل أخذ عينات", "إعدادات الملف")],
)
def test_what_is_wrong_with_a_file_and_what_to_do_is_said_in_the_persons_language(
    visit: Callable[..., Any], locale: str, words: str, advice: str
) -> None:
    page = visit(locale=locale)
    send(page, "short.csv", "I,II\n0,0\n1,1\n0,0\n")
    page.wait_for_selector("#error:not([hidden])")
    assert words in page.inner_text("#error .detail").replace("\u2068", "").replace("\u2069", "")
    assert advice in page.inner_text("#error")
    assert page.query_selector("#error details") is None


def test_english_that_cannot_be_translated_is_folded_away(visit: Callable[..., Any]) -> None:
    page = visit(locale="fr-FR")
    answer = '{"code": "busy", "message": "The server is busy.", "detail": null, "request_id": "r"}'
    page.route("**/samples/ten_seconds*", lambda route: route.fulfill(status=503, content_type="application/json", body=answer))
    page.click("[data-sample=ten_seconds]")
    page.wait_for_selector("#error:not([hidden])")
    assert "occupé" in page.inner_text("#error")
    assert page.is_hidden("#error .detail")
    assert page.get_attribute("#error .detail", "lang") == "en"


def test_a_file_in_another_unit_than_it_says_can_be_read_after_saying_it(visit: Callable[..., Any], recordings: Path) -> None:
    page = visit()
    send(page, "microvolts.csv", (recordings / "ten_seconds.csv").read_text(encoding="utf-8").replace("1.0", "1000"))
    page.wait_for_selector("#error:not([hidden])")
    assert page.is_visible("#setting-unit")  # the error opens the settings that correct it
    page.select_option("#setting-unit", "uV")
    page.click("#read-again")
    page.wait_for_selector("#reading:not([hidden])")
    assert "uV" in page.text_content("#warnings")


def test_too_large_a_file_is_refused_without_sending_it(visit: Callable[..., Any]) -> None:
    page = visit()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate(
        """() => { const t = new DataTransfer(); t.items.add(new File([new Uint8Array(129 * 2 ** 20)], "big.csv"));
          document.getElementById("drop-zone").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer: t })); }"""
    )
    page.wait_for_selector("#error:not([hidden])")
    assert "too large" in page.inner_text("#error")
    assert "128 MB" in page.inner_text("#error")
    assert [url for url in sent if "api" in url] == []


def test_a_server_that_does_not_answer_is_said_and_the_page_goes_on_when_it_does(visit: Callable[..., Any]) -> None:
    page = visit()
    page.context.set_offline(True)
    page.click("[data-sample=ten_seconds]")
    page.wait_for_selector("#error:not([hidden])")
    assert "does not answer" in page.inner_text("#error")
    page.context.set_offline(False)
    open_sample(page, "ten_seconds")
    assert page.is_hidden("#error")


def test_a_reason_that_cannot_be_given_is_said_beside_its_button(visit: Callable[..., Any]) -> None:
    page = visit()
    open_sample(page, "ten_seconds")
    answer = '{"code": "not_explainable", "message": "no gradients", "detail": null, "request_id": "r"}'
    page.route("**/explanation*", lambda route: route.fulfill(status=409, content_type="application/json", body=answer))
    page.click("#classes tr[data-class=MI] .why")
    page.wait_for_selector(".why-error")
    assert page.inner_text(".why-error") == "This server cannot explain its readings."
    assert page.is_visible("#reading")
    assert page.is_hidden("#reason")


def test_a_newer_recording_replaces_one_that_is_still_being_read(visit: Callable[..., Any]) -> None:
    page = visit()
    waiting: list[Any] = []

    def hold(route: Any) -> None:
        waiting.append(route)

    page.route("**/samples/half_minute*", hold)
    page.click("[data-sample=half_minute]")
    page.wait_for_selector(".spinner")
    page.click("[data-sample=ten_seconds]")
    page.wait_for_selector("#reading:not([hidden])")
    assert page.inner_text("#record-heading") == "ten_seconds"
    assert len(waiting) == 1


@pytest.fixture(scope="module")
def locked_address(tiny_checkpoint: Path, recordings: Path) -> Iterator[str]:
    """Address of a server that asks for a key."""
    command = [sys.executable, "run_server.py", "--checkpoint", str(tiny_checkpoint), "--port", "0"]
    environment = {**os.environ, "HEART_READER_SAMPLES_DIR": str(recordings), "HEART_READER_API_KEY": KEY}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield server.stdout.readline().split(" on ")[1].split()[0]
        finally:
            server.terminate()


def test_a_locked_server_is_given_its_key_which_is_kept_nowhere(browser: Any, locked_address: str) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(locked_address)
    page.fill("dialog #api-key", "a wrong key of more than sixteen letters")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('dialog')?.textContent.includes('refused')")
    page.fill("dialog #api-key", KEY)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-sample]")
    page.click("[data-sample=ten_seconds]")
    page.wait_for_selector("#reading:not([hidden])")
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert KEY not in kept
    context.close()
