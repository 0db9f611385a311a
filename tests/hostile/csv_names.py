"""Names of leads in tables: spellings, signs, and what is another lead."""

from __future__ import annotations

from collections.abc import Iterable

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.csv_tables import RATE, case, renamed, table, without

__all__ = ["argument_cases", "name_cases"]


def name_cases() -> Iterable[Case]:
    upright = {
        "V1": ("v1", "V 1", "V-1", "V_1", "Lead V1", "Lead-V1", "Lead - V1", "ECG V1", "EKG V1", "MDC_ECG_LEAD_V1", "V1 (mV)",
        "V1 [Wilson]", "+V1", "ch V1",
               "Channel V1", "'V1'", "Wilson V1", "V1 (filtered)", "V1 (ch 7)", "\uff36\uff11"),
        "aVR": ("AVR", "avr", "a VR", "aV R", "aV-R", "Goldberger aVR", "aVR (right arm)", "Lead aVR", "aVR (augmented)"),
        "I": ("i", "Lead I", "LEAD_I", "LeadI", "Einthoven I", "I (limb)", "Lead-I", "ECG I", "I (raw)"),
        "II": ("ii", "Lead II", "II [mV]", "MDC_ECG_LEAD_II", "\u2161"),
    }  # fmt: skip
    for lead, spellings in upright.items():
        for spelling in spellings:
            yield case(f"{lead} spelled {spelling!r}", lambda lead=lead, spelling=spelling: table(renamed(**{lead: spelling})))
    inverted = {
        "aVR": ("-aVR", "aVR-", "aVR -", "aVR (inverted)", "aVR inverted", "aVR_inv", "aVRneg", "MDC_ECG_LEAD_AVRneg", "Lead -aVR",
        "minus aVR", "neg aVR",
                "inv_aVR", "aVR [inv.]", "aVR*-1", "-1*aVR", "aVR (x -1)", "\u2212aVR", "\u2013aVR", "aVR (-)", "aVR negative",
        "aVR reversed", "- aVR"),
        "I": ("-I", "I inv", "Lead -I", "I (inverted)", "I-"),
        "V1": ("-V1", "V1 inverted", "V1 (flipped)", "V1-"),
    }  # fmt: skip
    for lead, spellings in inverted.items():
        for spelling in spellings:
            yield case(
                f"{lead} upside down, spelled {spelling!r}",
                lambda lead=lead, spelling=spelling: table(renamed(**{lead: spelling}), changed={lead: -1.0}),
                warned=("leads_turned",),
            )
    yield case(
        "every lead upside down",
        lambda: table([f"-{lead}" for lead in STANDARD_LEADS], changed=dict.fromkeys(STANDARD_LEADS, -1.0)),
        warned=("leads_turned",),
    )
    yield case("a lead and the same upside down", lambda: table(renamed(V1="-aVR")), refused="lead_in_columns")
    other = ("V4R", "V4 (right)", "V4 [posterior]", "V4 (R)", "rV4", "V4 high", "V4 (2nd ICS)", "V4 (V7)", "V7", "V4-V5", "V4 V5",
        "V4, V5", "V45", "V4.1",
             "V4 (modified)", "V4 (not inverted)", "-V4 inverted", "CM5", "MV4", "V4/V5", "V40", "V4 (aVR)", "4", "V4*2")  # fmt: skip
    for spelling in other:
        yield case(
            f"another lead, spelled {spelling!r}",
            lambda spelling=spelling: table([f'"{name}"' if "," in name else name for name in renamed(V4=spelling)]),
            leads=without("V4"),
            warned=("columns_not_read",),
        )
    for spelling in (
        "I-II",
        "I II",
        "I I",
        "I+II",
        "I/II",
        "II-I",
        "1",
        "I (II)",
        "LI II",
        "I (V1)",
        "ll",
        "l",
        "DI",
        "Channel I",
        "CH I",
        "Ch. I",
    ):
        yield case(
            f"no lead I, spelled {spelling!r}",
            lambda spelling=spelling: table(renamed(I=spelling)),
            leads=without("I"),
            warned=("columns_not_read",),
        )
    for word in ("Channel", "CH", "ch", "Chan", "CHANNEL_"):
        yield case(f"twelve leads called {word}", lambda word=word: table([f"{word} {lead}" for lead in STANDARD_LEADS]))
        yield case(
            f"a Holter's {word} I, II, III",
            lambda word=word: table([f"{word} {lead}" for lead in ("I", "II", "III")], leads=("V1", "V5", "aVF")),
            refused="no_lead_column",
        )
    for n, spelling in enumerate(("MLII", "ML II", "ml-II", "mod. II")):
        yield case(
            f"{spelling} beside V5",
            lambda spelling=spelling: table([spelling, "V5"], leads=("II", "V5")),
            leads=("V5",),
            warned=("modified_lead", "columns_not_read"),
        )
        yield case(f"{spelling} alone", lambda spelling=spelling: table([spelling], leads=("II",)), refused="modified_lead")
        if not n:
            arguments = {"leads": ("II", "V5")}
            yield case("MLII named II", lambda: table(["MLII", "V5"], leads=("II", "V5")), leads=("II", "V5"), arguments=arguments)


def argument_cases() -> Iterable[Case]:
    swapped = [{"aVR": "aVL", "aVL": "aVR"}.get(lead, lead) for lead in STANDARD_LEADS]
    yield case("names given that contradict the file", table, refused="names_contradict", arguments={"leads": tuple(swapped)})
    yield case(
        "a lead given upright that the file has upside down",
        lambda: table(renamed(aVR="-aVR"), changed={"aVR": -1.0}),
        refused="names_contradict",
        arguments={"leads": STANDARD_LEADS},
    )
    yield case("names given that are those of the file", table, arguments={"leads": STANDARD_LEADS})
    yield case("names given for unknown ones", lambda: table([f"ch{n}" for n in range(12)]), arguments={"leads": STANDARD_LEADS})
    yield case(
        "a name too few", lambda: table([f"ch{n}" for n in range(12)]), refused="names_for_named_columns", arguments={"leads": without("I")}
    )
    yield case(
        "names given upside down",
        lambda: table([f"ch{n}" for n in range(12)], changed={"aVR": -1.0}),
        arguments={"leads": tuple(renamed(aVR="-aVR"))},
        warned=("leads_turned",),
    )
    yield case("a rate given that contradicts the file", table, refused="rates_differ", arguments={"fs": 500.0})
    yield case("a rate given that is the file's", table, arguments={"fs": 250.0})
    yield case(
        "a unit given for a factor in the file",
        lambda: table(head=(RATE, "# unit=0.001 mV")),
        arguments={"unit": "mV"},
        warned=("unit_overridden",),
    )
