"""Words of the page: every language has every key, every key that the page asks for exists, and
none is left over.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heart_reader import errors
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import FREQUENT_STATEMENTS
from heart_reader.frontend.routes import STATIC_DIR
from heart_reader.messages import TEMPLATES, template_fields

LANGUAGES = ("en", "fr", "ar")
# Categories of plural that Unicode gives these languages (CLDR).
PLURALS = {"en": {"one", "other"}, "fr": {"one", "many", "other"}, "ar": {"zero", "one", "two", "few", "many", "other"}}
CPSC2018 = ("SNR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
CODE = [*STATIC_DIR.rglob("*.js"), STATIC_DIR / "index.html"]
# Words looked up by a name that is put together elsewhere than in the call.
ASKED_ELSEWHERE = re.compile(r"tracing\.keys\.|classes\.|groups\.")


def words(language: str) -> dict[str, Any]:
    return json.loads((STATIC_DIR / "languages" / f"{language}.json").read_text(encoding="utf-8"))


def is_plural(value: Any) -> bool:
    return isinstance(value, dict) and "other" in value and all(isinstance(form, str) for form in value.values())


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
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
    sections = "|".join(words("en"))
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
    english, other = ({key: of for key, of in leaves(words(name)) if not key.startswith("messages.")} for name in ("en", language))
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
def test_no_text_is_empty_and_every_plural_is_complete(language: str) -> None:
    for key, value in leaves(words(language)):
        assert all(isinstance(text, str) and text.strip() for text in texts(value)), key
        if is_plural(value):
            assert value.keys() == PLURALS[language], key


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
    source = (STATIC_DIR / "classes.js").read_text(encoding="utf-8")
    synonyms = dict(re.findall(r'(\w+): "([^"]+)"', re.search(r"SYNONYMS = \{(.*?)\}", source)[1]))
    for code in {*SUPERCLASSES, *(statement.code for statement in SCP_STATEMENTS), *CPSC2018, *FREQUENT_STATEMENTS}:
        entry = known[code if code in known else synonyms[code]]
        assert entry.keys() == {"name", "lay", "clinical"}, code
        assert len(entry["lay"]) > 15, code
        assert len(entry["clinical"]) > 10, code


def test_the_drill_down_is_the_hierarchy_of_the_statements() -> None:
    source = (STATIC_DIR / "taxonomy.js").read_text(encoding="utf-8")
    tree = re.search(r"const TREE = (\{.*?\n\});", source, re.DOTALL)[1]
    # The object of JavaScript as JSON: quoted names, no comma before a closing bracket.
    tree = json.loads(re.sub(r",(?=\s*[}\]])", "", re.sub(r"(?<=[\s{])(\w+):", r'"\1":', tree)))
    shown = {(superclass, subclass, code) for superclass, subs in tree.items() for subclass, codes in subs.items() for code in codes}
    assert shown == {(entry.superclass, entry.subclass, entry.code) for entry in SCP_STATEMENTS if entry.superclass}


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
