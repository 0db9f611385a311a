"""Read ECGs: files, or all records of folders.

A record that fails is reported and the others are still read.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.errors import show_cause
from heart_reader.commands.options import add_checkpoint, add_facts

if TYPE_CHECKING:
    from heart_reader.classifier import EcgClassifier
    from heart_reader.reading_report import ReportFolder

__all__ = ["add_arguments", "run"]

# As in heart_reader.reading_report, which takes longer to load than a list of options may.
FORMS = ("pdf", "json", "fhir", "dicom-sr")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="FILE_OR_DIR", help="a record, or a folder of records")
    parser.add_argument("--sample", action="append", default=[], metavar="NAME", help="a simulated ECG that comes with heart-reader")
    add_checkpoint(parser)
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="who must have signed it (default: HEART_READER_TRUSTED_KEYS)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write one page of PDF per record into this folder")
    parser.add_argument(
        "--as", dest="forms", action="append", choices=FORMS, default=[], help="write each reading in this form; repeatable"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder for what --as writes")
    parser.add_argument("--identity", action="store_true", help="say whose ECG it is in FHIR and DICOM, where the file does")
    parser.add_argument("--quick", action="store_true", help="probabilities alone: no measurements, no check of the signal, no diagnosis")
    parser.add_argument("--time", action="store_true", help="say how long each reading took")
    parser.add_argument("--threads", type=int, default=1, help="threads of an ONNX network (default: %(default)s)")
    add_facts(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read every record and print what comes out."""
    from heart_reader.data.record import UNIT_TO_MV
    from heart_reader.errors import ConfigError
    from heart_reader.samples import sample
    from heart_reader.weights import find_reader

    paths = [*arguments.paths, *map(sample, arguments.sample)]
    if not paths:
        raise ConfigError("name a file or a folder to read, or a sample: --sample norm")
    if not any(path.exists() or Path(f"{path}.hea").exists() for path in paths):  # a WFDB record goes without extension
        raise ConfigError(f"{', '.join(map(str, paths))}: no such file or folder: check the name")
    if arguments.unit is not None and arguments.unit.strip().lower() not in UNIT_TO_MV:
        raise ConfigError(f"--unit {arguments.unit}: mV, uV, nV or V is needed")
    if (arguments.report or arguments.forms) and arguments.quick:
        raise ConfigError("--report and --as need the whole reading: leave --quick out")
    if bool(arguments.forms) != bool(arguments.out):
        raise ConfigError(f"--as and --out belong together: --as {'|'.join(FORMS)} --out DIR")
    directory = find_reader(arguments.checkpoint)
    from heart_reader.classifier import EcgClassifier
    from heart_reader.reading import explain_words, read_all
    from heart_reader.signing import named_keys

    folders = _folders(arguments)
    classifier = EcgClassifier.load(directory, threads=arguments.threads, trusted=named_keys(arguments.trusted_keys))
    _advise(classifier)
    n_failed, last = 0, None
    facts = {"fs": arguments.fs, "unit": arguments.unit, "leads": arguments.leads, "identity": arguments.identity}
    progress = _show_progress if sys.stderr.isatty() else None
    started = time.perf_counter()
    for reading in read_all(classifier, paths, **facts, measure=not arguments.quick, progress=progress):
        elapsed_ms = 1e3 * (time.perf_counter() - started)
        text, error = reading.text(as_json=arguments.json)
        print(text, flush=True)
        for folder in folders if error is None else ():
            error = folder.add(reading) or error
        n_failed, last = n_failed + (error is not None), reading.diagnosis or last
        show_cause(error, debug=arguments.debug)
        if arguments.time:
            print(f"{reading.path}: {elapsed_ms:.1f} ms from file to reading", file=sys.stderr)
        started = time.perf_counter()
    if last is not None and not arguments.json:
        print(explain_words(last))
    return 1 if n_failed else 0


def _folders(arguments: argparse.Namespace) -> list[ReportFolder]:
    """Where readings are written, one for each form."""
    if not (arguments.report or arguments.forms):
        return []
    from heart_reader.reading_report import ReportFolder

    pages = [ReportFolder(arguments.report)] if arguments.report else []
    return pages + [ReportFolder(arguments.out, form, identity=arguments.identity) for form in dict.fromkeys(arguments.forms)]


def _show_progress(path: Path, share: float) -> None:
    """Say on one line of the terminal, wiped in the end, how much of a long recording is read."""
    print("\r\033[K" if share == 1 else f"\r{path.name}: {share:.0%} read", end="", file=sys.stderr, flush=True)


def _advise(classifier: EcgClassifier) -> None:
    """Say where this processor is slow with 8-bit integers of this kind."""
    from heart_reader.edge.device import dot_product, integer_advice

    quantization = classifier.checkpoint.manifest.get("edge", {}).get("quantization")
    advice = integer_advice(None if quantization is None else quantization["activations"], dot_product())
    if advice is not None:
        print(f"note: {classifier.checkpoint.directory}: {advice}", file=sys.stderr)
