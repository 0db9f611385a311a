"""The simulated ECGs of ``test_files``: one per superclass in two formats, and some that a reader
must cope with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic.beats import simulate
from heart_reader.data.synthetic.files import write_csv, write_wfdb
from heart_reader.data.synthetic.findings import FINDINGS
from heart_reader.data.synthetic.heart import EcgParameters, NoiseLevels
from heart_reader.data.synthetic.population import draw_parameters
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
    seed
        Of its generator.
    description
        For the README.
    formats
        Of ``wfdb`` and ``csv``.
    fs, duration_s
        Hz and seconds.
    noise
        Levels at the electrodes.
    without
        Leads that are left out.
    unit, separator, decimal
        Of the CSV file.
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
        """Simulate the example.

        Examples
        --------
        >>> EXAMPLES[0].record().signal.shape
        (12, 2500)
        """
        rng = np.random.default_rng([self.seed, 1])
        if self.rhythm:
            return simulate_rhythm(
                self.rhythm, rng=rng, fs=self.fs, duration_s=self.duration_s, noise=self.noise, record_id=self.name
            ).record
        record = simulate(self.parameters(), rng=rng, fs=self.fs, duration_s=self.duration_s, record_id=self.name)
        kept = [row for row, name in enumerate(record.lead_names) if name not in self.without]
        return replace(record, signal=record.signal[kept], lead_names=tuple(record.lead_names[row] for row in kept))


def _of_rhythm(name: str, rhythm: str, seed: int, description: str, *statements: str) -> Example:
    # A spike is shorter than a sample at 250 Hz.
    fs = 500.0 if rhythm == "paced" else 250.0
    return Example(name, ("normal",), seed, description, ("wfdb",), fs, rhythm=rhythm, statements=statements)


# Seeds were chosen for typical tracings.
EXAMPLES: tuple[Example, ...] = (
    Example("norm", ("normal",), 29, "NORM: normal sinus rhythm"),
    Example("mi_inferior", ("inferior infarction",), 9, "MI: old inferior infarction, Q waves and inverted T in III and aVF"),
    Example("sttc_ischemia", ("ischemia",), 71, "STTC: ST depression and T inversion, most of all in V4 to V6"),
    Example("cd_lbbb", ("left bundle branch block",), 20, "CD: complete left bundle branch block"),
    Example("hyp_lvh", ("left ventricular hypertrophy",), 6, "HYP: left ventricular hypertrophy, tall R in V5 and V6, deep S in V1"),
    Example(
        "leads_11", ("right bundle branch block",), 50, "CD (right bundle branch block) without aVF", ("csv",), 100.0, without=("aVF",)
    ),
    Example("fs_257", ("anteroseptal infarction",), 57, "MI (anteroseptal) at 257 Hz", ("wfdb",), 257.0),
    Example(
        "microvolts_decimal_comma",
        ("normal",),
        8,
        "NORM in microvolts, columns apart by semicolons, decimal commas",
        ("csv",),
        100.0,
        unit="uV",
        separator=";",
        decimal=",",
    ),
    Example("noisy", ("normal",), 9, "NORM under strong baseline wander, muscle noise and 50 Hz mains", ("wfdb",), 500.0, noise=_LOUD),
    Example("long_30s", ("first degree AV block",), 10, "CD (first degree AV block), 30 seconds", ("wfdb",), 100.0, 30.0),
    _of_rhythm("rhythm_afib", "atrial_fibrillation", 3, "atrial fibrillation: irregular, no P waves", "AFIB"),
    _of_rhythm("rhythm_bigeminy", "bigeminy", 3, "sinus rhythm with ventricular premature beats in bigeminy", "PVC", "BIGU"),
    _of_rhythm("rhythm_paced", "paced", 1, "ventricular pacing that follows the P waves, a spike before every QRS complex", "PACE"),
    _of_rhythm("rhythm_av_block_3", "av_block_3", 2, "third degree AV block: P waves and slow, wide escape beats go apart", "CD", "3AVB"),
)

_README = """# Simulated ECGs

None of these was recorded from a person: all come from `heart_reader.data.synthetic`. This command writes them again:

```
heart-reader data simulate examples --to test_files
```

| file | shows | leads | Hz | seconds |
|---|---|---|---|---|
{rows}

The seeds were chosen for typical tracings with the help of a rough classifier, so a reader that recognises them shows
that the road works, not how good the reader is.

The five ECGs that exist as `.csv` and as `.hea` + `.dat` hold the same values, so both must be read alike.
A WFDB record is two files; hand over both. What each of them shows stands in `labels.csv` too.
"""


def write_examples(folder: Path, *, progress: Callable[[int], None] | None = None) -> None:
    """Write every example, their labels and a README into a folder; files of the same name are
    replaced.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for done, example in enumerate(EXAMPLES, start=1):
        record = example.record()
        if "csv" in example.formats:
            path = folder / f"{example.name}.csv"
            write_csv(record, path, unit=example.unit, separator=example.separator, decimal=example.decimal)
        if "wfdb" in example.formats:
            comments = [f"Age: {record.age:.0f}", f"Sex: {str(record.sex).capitalize()}", "Simulated, not a person"]
            write_wfdb(record, folder, comments=comments)
        if progress is not None:
            progress(done)
    labels = [f"{example.name},{' '.join(example.labels)}" for example in EXAMPLES]
    (folder / "labels.csv").write_text("\n".join(["id,labels", *labels, ""]), encoding="utf-8")
    (folder / "README.md").write_text(_README.format(rows="\n".join(_readme_rows(EXAMPLES))), encoding="utf-8")


def _readme_rows(examples: Sequence[Example]) -> list[str]:
    extensions = {"csv": "`{}.csv`", "wfdb": "`{}.hea` + `.dat`"}
    return [
        f"| {', '.join(extensions[kind].format(example.name) for kind in example.formats)} | {example.description} "
        f"| {12 - len(example.without)} | {example.fs:g} | {example.duration_s:g} |"
        for example in examples
    ]
