"""The list of codes: well formed in each scheme, and the same as where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom.sr import _concepts_dict

import heart_reader.data.codes
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.snomed import CODES
from heart_reader.exchange.codes import MEASURED, concept, measurement_codes, statement_code, unit_of
from heart_reader.features.feature_names import GLOBAL_FEATURES

LIST = json.loads(Path(heart_reader.data.codes.__file__).with_name("codes.json").read_text(encoding="utf-8"))
LOINC = sorted(
    {
        codes[key]
        for kind in LIST.values()
        for codes in kind.values()
        if isinstance(codes, dict)
        for key in codes
        if key in ("loinc", "loinc_lead")
    }
)


@pytest.mark.parametrize("code", LOINC)
def test_a_code_of_loinc_has_the_check_digit_that_its_number_asks_for(code: str) -> None:
    number, digit = code.split("-")
    doubled = [int(figure) * (2 if place % 2 == 0 else 1) for place, figure in enumerate(reversed(number))]
    assert (10 - sum(value - 9 if value > 9 else value for value in doubled) % 10) % 10 == int(digit)


@pytest.mark.parametrize("name", sorted(LIST["concepts"]))
def test_codes_of_dicom_are_those_of_the_standard(name: str) -> None:
    code = concept(name)
    known = {value for codes in _concepts_dict.concepts.get(code.scheme, {}).values() for value in codes}
    assert code.scheme == "LN" or code.value in known


def test_statements_are_those_of_ptb_xl_and_their_codes_those_of_the_challenge() -> None:
    known = {one.code for one in SCP_STATEMENTS} | {"MI"}
    for statement in LIST["statements"]:
        code = statement_code(statement)
        assert code is not None
        assert statement in known
        assert code.meaning == CODES[code.value].name
    assert statement_code("EL") is None


def test_every_measurement_has_codes_and_a_unit() -> None:
    assert set(MEASURED) <= GLOBAL_FEATURES.keys()
    for name in MEASURED:
        assert measurement_codes(name)[0].scheme == "MDC"
        assert unit_of(name).value in ("ms", "deg", "{H.B.}/min")
