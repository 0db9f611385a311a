"""The simulated ECGs of ``test_files``: each superclass, and what a model must cope with."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic.beats import simulate
from heart_reader.data.synthetic.files import write_csv, write_wfdb
from heart_reader.data.synthetic.heart import EcgParameters, NoiseLevels, as_tuples
from heart_reader.data.synthetic.population import FINDINGS, draw_parameters
from heart_reader.data.synthetic.rhythms import simulate_rhythm

__all__ = ["EXAMPLES", "Example", "write_examples"]

# Clean enough to look at, alive enough to be believed.
_CALM = NoiseLevels(baseline_uv=20.0, muscle_uv=4.0, mains_uv=0.5)
_LOUD = NoiseLevels(baseline_uv=260.0, muscle_uv=45.0, mains_uv=35.0)


@dataclass(frozen=True)
class Example:
    """One ECG of ``test_files``.

    Parameters
    ----------
    name
        File name without extension.
    findings
        Keys of ``FINDINGS``.
    description
        Text for the README.
    formats
        Some of ``wfdb`` and ``csv``.
    without
        Leads that are left out.
    unit, separator, decimal
        Those of the CSV file.
    rhythm
        One of ``SIMULATED_RHYTHMS``, drawn together with the person; empty: sinus rhythm with the
        findings.
    statements
        Labels of a rhythm.
    """

    name: str
    findings: tuple[str, ...]
    seed: int
    description: str
    formats: tuple[str, ...] = ("csv", "wfdb")
    fs: float = 250.0
    duration_s: float = 10.0
    noise: NoiseLevels = _CALM
    without: tuple[str, ...] = ()
    unit: str = "mV"
    separator: str = ","
    decimal: str = "."
    rhythm: str = ""
    statements: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Superclasses and statements of what is simulated."""
        return self.statements or tuple(dict.fromkeys(FINDINGS[name].superclass for name in self.findings))

    def parameters(self) -> EcgParameters:
        """Return what the example is simulated from."""
        return replace(draw_parameters(self.findings, np.random.default_rng([self.seed, 0])), noise=self.noise)

    def record(self) -> EcgRecord:
        """Simulate the example."""
        rng = np.random.default_rng([self.seed, 1])
        if self.rhythm:
            return simulate_rhythm(
                self.rhythm, rng=rng, fs=self.fs, duration_s=self.duration_s, noise=self.noise, record_id=self.name
            ).record
        record = simulate(self.parameters(), rng=rng, fs=self.fs, duration_s=self.duration_s, record_id=self.name)
        kept = [row for row, name in enumerate(record.lead_names) if name not in self.without]
        return replace(record, signal=record.signal[kept], lead_names=tuple(record.lead_names[row] for row in kept))


def _read_example(values: dict[str, Any]) -> Example:
    return Example(**as_tuples(values) | {"noise": _LOUD if values.get("noise") == "loud" else _CALM})


_DATA = Path(__file__).with_name("examples.json")
# Seeds were chosen for typical tracings.
EXAMPLES = tuple(_read_example(values) for values in json.loads(_DATA.read_text(encoding="utf-8")))

_README = """# Simulated ECGs

None of these was recorded from a person: all come from `heart_reader.data.synthetic`. This command writes them again:

```
heart-reader data simulate examples --to test_files
```

| file | shows | leads | Hz | seconds |
|---|---|---|---|---|
{rows}

The seeds were chosen for typical tracings with the help of a rough classifier, so a model that recognises them shows
that everything works together, not how good the model is.

The five ECGs that exist as `.csv` and as `.hea` + `.dat` hold the same values, so both must be read alike.
A WFDB record is two files; hand over both. What each of them shows stands in `labels.csv` too.
"""


def write_examples(folder: Path) -> None:
    """Write every example, their labels and a README into a folder, over what is there.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES:
        record = example.record()
        if "csv" in example.formats:
            path = folder / f"{example.name}.csv"
            write_csv(record, path, unit=example.unit, separator=example.separator, decimal=example.decimal)
        if "wfdb" in example.formats:
            comments = [f"Age: {record.age:.0f}", f"Sex: {str(record.sex).capitalize()}", "Simulated, not a person"]
            write_wfdb(record, folder, comments=comments)
    labels = [f"{example.name},{' '.join(example.labels)}" for example in EXAMPLES]
    (folder / "labels.csv").write_text("\n".join(["id,labels", *labels, ""]), encoding="utf-8")
    (folder / "README.md").write_text(_README.format(rows="\n".join(map(_readme_row, EXAMPLES))), encoding="utf-8")


def _readme_row(example: Example) -> str:
    files = {"csv": f"`{example.name}.csv`", "wfdb": f"`{example.name}.hea` + `.dat`"}
    shown = ", ".join(files[kind] for kind in example.formats)
    return f"| {shown} | {example.description} | {12 - len(example.without)} | {example.fs:g} | {example.duration_s:g} |"
