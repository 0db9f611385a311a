"""Words of the page: every language has every key that is used, and none is left over."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from heart_reader import errors
from heart_reader.conclusion.table import read_table
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks.ptbxl import FREQUENT_STATEMENTS
from heart_reader.data.vocabulary import vocabularies
from heart_reader.frontend import routes
from heart_reader.frontend.routes import STATIC_DIR
from heart_reader.messages import TEMPLATES, template_fields

LANGUAGES = ("en", *sorted({path.stem for path in (STATIC_DIR / "languages").glob("*.json")} - {"en"}))
# What a language says of itself.
OF_THE_LANGUAGE = {"name", "direction"}
CODE = [*STATIC_DIR.rglob("*.js"), STATIC_DIR / "index.html"]
# Words looked up by a name that is put together elsewhere than in the call.
ASKED_ELSEWHERE = re.compile(r"tracing\.keys\.|classes\.")


def words(language: str) -> dict[str, Any]:
    return json.loads((STATIC_DIR / "languages" / f"{language}.json").read_text(encoding="utf-8"))


def is_plural(value: Any) -> bool:
    return isinstance(value, dict) and "other" in value and all(isinstance(form, str) for form in value.values())


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if not prefix and name in OF_THE_LANGUAGE:
            continue
        if isinstance(value, dict) and not is_plural(value):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def texts(value: Any) -> list[str]:
    return list(value.values()) if isinstance(value, dict) else [value]


def texts_of(code: str) -> tuple[str, ...]:
    forms = TEMPLATES[code]
    return (forms,) if isinstance(forms, str) else forms


def asked() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys that the page asks for by name, and patterns of those it puts together."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    literal = set(re.findall(r'\bt\(\s*"([\w.]+)"', source))
    literal |= set(re.findall(r'data-i18n(?:-[a-z-]+)?"?\s*[=:]\s*"([\w.]+)"', source))
    # Keys handed on as a value, such as "compare.probabilities".
    sections = "|".join(words("en").keys() - OF_THE_LANGUAGE)
    literal |= set(re.findall(rf'"((?:{sections})\.[\w.]+)"', source))
    choices = {key for pair in re.findall(r'\bt\([^`"()]*\? "([\w.]+)" : "([\w.]+)"', source) for key in pair}
    templates = [
        re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"[^.]+", re.escape(template)))
        for template in re.findall(rf"`((?:{sections})\.[^`]*)`", source)
    ]
    return literal | choices, templates


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_keys_and_the_same_values_to_fill_in(language: str) -> None:
    # What the server says comes in English; the others have words for all of it.
    sent = {f"classes.{code}.name" for code in read_table().names}
    english, other = (
        {key: of for key, of in leaves(words(name)) if not key.startswith("messages.") and key not in sent} for name in ("en", language)
    )
    assert other.keys() == english.keys()
    for key, value in english.items():
        expected = {name for text in texts(value) for name in re.findall(r"\{(\w+)\}", text)}
        given = {name for text in texts(other[key]) for name in re.findall(r"\{(\w+)\}", text)}
        assert given == expected, key


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_sentence_of_the_server_is_said_in_every_language_with_the_same_values(language: str) -> None:
    said = words(language)["messages"]
    assert said.keys() == TEMPLATES.keys()
    for code, text in said.items():
        # A count that only chooses between singular and plural in English need not be said.
        silent = template_fields(code) - {name for forms in texts_of(code) for name in re.findall(r"\{(\w+)", forms)}
        assert set(re.findall(r"\{(\w+)\}", text)) == template_fields(code) - silent, code


def test_no_sentence_on_the_page_names_an_option_of_the_command_line() -> None:
    said = words("en")["messages"]
    for code in TEMPLATES:
        if any("--" in text for text in texts_of(code)):
            assert set(re.findall(r"\{(\w+)\}", said[code])) == template_fields(code), code
    for language in LANGUAGES:
        assert [text for text in words(language)["messages"].values() if "--" in text or ".py" in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: str) -> None:
    assert words(language)["direction"] in {"ltr", "rtl"}
    assert words(language)["name"].strip()
    for key, value in leaves(words(language)):
        assert all(isinstance(text, str) and text.strip() for text in texts(value)), key


def test_every_key_that_the_page_asks_for_exists_and_none_is_left_over() -> None:
    tree = dict(leaves(words("en")))
    literal, templates = asked()
    assert len(literal) > 100
    assert sorted(key for key in literal if key not in tree) == []
    # A pattern may end at a class, whose name and sentences follow.
    assert [template.pattern for template in templates if not any(re.match(rf"{template.pattern}(\.|$)", key) for key in tree)] == []
    put_together = {key for key in tree if ASKED_ELSEWHERE.match(key) or any(template.fullmatch(key) for template in templates)}
    assert sorted(tree.keys() - literal - put_together) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_class_has_a_name_and_a_lay_and_a_clinical_sentence(language: str) -> None:
    known = words(language)["classes"]
    published = {of.words for vocabulary in vocabularies() for of in vocabulary.classes.values()}
    for key in {*SUPERCLASSES, *(statement.code for statement in SCP_STATEMENTS), *published}:
        entry = known[key]
        sent = language == "en" and key in read_table().names
        assert entry.keys() == {"lay", "clinical"} | (set() if sent else {"name"}), key
        assert len(entry["lay"]) > 15, key
        assert len(entry["clinical"]) > 10, key


def test_the_page_gets_the_hierarchy_of_the_statements_and_repeats_none_of_it(client: TestClient) -> None:
    tree = client.get("/api/v1/model").json()["statement_tree"]
    shown = {(superclass, subclass, code) for superclass, subs in tree.items() for subclass, codes in subs.items() for code in codes}
    assert shown == {(entry.superclass, entry.subclass, entry.code) for entry in SCP_STATEMENTS if entry.superclass}
    source = "\n".join(path.read_text(encoding="utf-8") for path in STATIC_DIR.rglob("*.js"))
    assert not re.search(r"\b(INJAS|ISCLA|IPLMI)\b", source)


def test_no_class_is_named_in_the_code_or_the_style_of_the_page() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in [*CODE, *STATIC_DIR.rglob("*.css")])
    published = {name for vocabulary in vocabularies() for name in vocabulary.classes}
    codes = {*SUPERCLASSES, *(statement.code for statement in SCP_STATEMENTS), *published}
    # Single letters name other things too.
    assert sorted(code for code in codes if len(code) > 1 and re.search(rf"""["'`.=]{re.escape(code)}["'`:\]]""", source)) == []


def test_frequent_diagnoses_that_are_no_statements_are_in_the_vocabulary() -> None:
    statements = {statement.code for statement in SCP_STATEMENTS}
    named = next(vocabulary.classes for vocabulary in vocabularies() if "frequent" in vocabulary.levels)
    assert {name for name in FREQUENT_STATEMENTS if name not in statements} <= named.keys()


def test_the_server_lists_whatever_languages_there_are(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one["code"] for one in client.get("/languages").json()] == ["en", "fr", "ar"]
    shutil.copytree(STATIC_DIR / "languages", tmp_path / "languages")
    (tmp_path / "languages" / "xx.json").write_text(json.dumps({**words("en"), "name": "Dummy"}), encoding="utf-8")
    monkeypatch.setattr(routes, "STATIC_DIR", tmp_path)
    assert {"code": "xx", "name": "Dummy"} in client.get("/languages").json()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_server_has_words(language: str) -> None:
    known = words(language)["errors"]
    records = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.RecordError)]
    assert {error("").code for error in records} <= known.keys()
    folder = Path(inspect.getfile(errors)).parent / "frontend"
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    refused = set(re.findall(r'RequestRefused\(\s*\d+,\s*"(\w+)"', source))
    assert len(refused) > 5
    assert refused <= known.keys()
