"""Messages that keep their meaning: English text for people, code and values for translation."""

from __future__ import annotations

import ast
import copy
import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic_core import to_json

import heart_reader
from heart_reader.data.record import build_record
from heart_reader.errors import LeadError
from heart_reader.messages import TEMPLATES, Message, coded, message, template_fields

SOURCE = Path(heart_reader.__file__).parent


def test_a_message_is_its_english_sentence() -> None:
    said = message("missing_values_bridged", count=12, lead="V1")
    assert said == "12 missing values in lead V1 were bridged by straight lines"
    assert (said.code, dict(said.values)) == ("missing_values_bridged", {"count": 12, "lead": "V1"})
    assert {said: 1}[str(said)] == 1
    assert json.loads(json.dumps([said])) == json.loads(to_json([said])) == [str(said)]


def test_one_and_several_are_said_differently() -> None:
    assert message("flat_leads", count=1, leads=["V1"]) == "flat lead: V1"
    assert message("flat_leads", count=2, leads=["V1", "V2"]) == "flat leads: V1, V2"


def test_values_are_numbers_as_the_sentence_says_them() -> None:
    said = message("too_short", where="a", duration=np.float32(0.1234), least=np.float64(1.0))
    assert said == "a: 0.12 s of signal, but at least 1 s is needed: record longer"
    assert dict(said.values) == {"where": "a", "duration": 0.12, "least": 1}
    assert [type(value) for value in said.values.values()] == [str, float, int]
    endless = message("rate_impossible", where="a", fs=float("nan"), least=10.0, most=1e5)
    assert "a sampling rate of nan Hz is outside the supported 10 to 100000 Hz" in endless
    json.dumps(endless.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("no_such_code", {}),
        ("flat_leads", {"leads": ["V1"]}),
        ("empty_file", {}),
        ("empty_file", {"where": "a", "size": 0}),
        ("empty_file", {"where": None}),
        ("empty_file", {"where": [1]}),
    ],
)
def test_a_wrong_code_or_value_is_an_error_at_once(code: str, values: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        message(code, **values)


def test_pickles_copies_and_dataclasses_keep_code_and_values() -> None:
    @dataclass
    class Holder:
        text: str

    doubts = [message("few_beats", count=2), message("beats_paced")]
    said = message("low_confidence", doubts=doubts)
    for other in (pickle.loads(pickle.dumps(said)), copy.deepcopy(said), copy.copy(said), asdict(Holder(said))["text"]):
        assert isinstance(other, Message)
        assert (other, other.code, other.values["doubts"][0].code) == (said, "low_confidence", "few_beats")


def test_messages_within_a_message_are_coded_too() -> None:
    said = message("low_confidence", doubts=[message("few_beats", count=2), message("beats_paced")])
    assert said == "low confidence: from only 2 heartbeats; paced beats"
    assert coded([None, "free text", said]) == {
        said: {"code": "low_confidence", "values": {"doubts": ["from only 2 heartbeats", "paced beats"]}},
        "from only 2 heartbeats": {"code": "few_beats", "values": {"count": 2}},
        "paced beats": {"code": "beats_paced", "values": {}},
    }


def test_a_folder_is_taken_out_of_every_text() -> None:
    inner = message("lead_twice", leads=["/tmp/x/I"], names=["/tmp/x/I", "I"])
    said = message("in_record", where="/tmp/x/a", problem=inner).replaced("/tmp/x/", "")
    assert said == "a: lead I appears twice among I, I: keep one column per lead"
    assert "/tmp" not in json.dumps(coded([said]))


def test_a_message_is_one_line_whatever_a_file_says() -> None:
    assert "\n" not in message("leads_not_used", leads=["a\nb"])


def test_an_error_keeps_its_message() -> None:
    with pytest.raises(LeadError) as caught:
        build_record("a", [[0.0, 1.0], [0.0, 1.0]], 500.0, ["I", "i"])
    assert caught.value.args[0].code == "in_record"
    assert caught.value.message == caught.value.args[0]


def used_codes() -> dict[str, set[str]]:
    """Return all codes that the package uses, with the names of the values beside them."""
    used: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message" and node.args):
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in TEMPLATES:
                    used[part.value] = {keyword.arg for keyword in node.keywords if keyword.arg} if _all_named(node) else set()
    return used


def _all_named(node: ast.Call) -> bool:
    return all(keyword.arg for keyword in node.keywords)


def test_every_template_is_used_and_given_its_values() -> None:
    used = used_codes()
    foreign = {"matlab_file", "not_an_ecg_file", "packed_file", "pdf_file", "picture_file", "xml_file"}
    put_together = {code for code in TEMPLATES if code.startswith(("state_", "summary_", "class_share"))} | foreign
    assert sorted(TEMPLATES.keys() - used.keys() - put_together) == []
    assert {code: sorted(names) for code, names in used.items() if names and names != template_fields(code)} == {}


def test_no_format_refuses_a_file_in_words_without_a_code() -> None:
    """Refusals of files carry codes; other words are for callers of Python."""
    free = {"remote", "cannot be opened", "not a file but", "GB; at most", "cannot be read (", "a header of", "several formats", "shrank"}
    for path in [*(SOURCE / "data" / "formats").glob("*.py"), SOURCE / "data" / "preprocessor.py", SOURCE / "frontend" / "uploads.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") in {
                "UnreadableRecord", "LeadError", "UnitError", "SignalTooShort", "NonFiniteSignal",
            }:  # fmt: skip
                text = ast.unparse(node.exc.args[0])
                assert text.startswith("message(") or any(words in text for words in free), f"{path.name}:{node.lineno}: {text}"
