"""Read ECGs on a device, with NumPy, SciPy and ONNX Runtime alone.

Run: ``python -m heart_reader.edge.read FILE ... --checkpoint DIR [--json] [--time] [--quick]``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.cli import positive_number, run_command, show_cause
from heart_reader.edge.cpu import dot_product, integer_advice
from heart_reader.errors import NotServable
from heart_reader.reading import explain_words, read_all
from heart_reader.runtimes import open_runtime
from heart_reader.signing import TRUSTED_KEYS, TrustedKeys, check_signature, named_keys
from heart_reader.weights import find_reader

__all__ = ["load_reader"]


def load_reader(directory: Path, *, threads: int = 1, trusted: TrustedKeys | None = None) -> EcgClassifier:
    """Load an ONNX checkpoint, see :meth:`EcgClassifier.load`.

    Raises
    ------
    NotServable
        If it is a torch checkpoint.
    CheckpointError
        If it is missing, altered, of another format, not signed by anyone trusted, or asks for a
        newer ONNX Runtime.
    """
    checkpoint = load_checkpoint(directory)
    if checkpoint.runtime != "onnx":
        raise NotServable(f"{directory}: a torch checkpoint; devices read ONNX ones: python export.py {directory} --out DIR")
    signer = None if trusted is None else check_signature(checkpoint, trusted)
    return EcgClassifier(checkpoint, open_runtime(checkpoint, threads), signer)


def main(arguments: argparse.Namespace) -> int:
    """Read every record; one that fails is reported and the others are still read."""
    reader = load_reader(find_reader(arguments.checkpoint), threads=arguments.threads, trusted=named_keys(arguments.trusted_keys))
    quantization = reader.checkpoint.manifest.get("edge", {}).get("quantization")
    advice = integer_advice(None if quantization is None else quantization["activations"], dot_product())
    if advice is not None:
        print(f"note: {reader.checkpoint.directory}: {advice}", file=sys.stderr)
    leads = tuple(arguments.leads.split(",")) if arguments.leads else None
    n_failed, last = 0, None
    started = time.perf_counter()
    for reading in read_all(reader, arguments.paths, fs=arguments.fs, unit=arguments.unit, leads=leads, measure=not arguments.quick):
        elapsed_ms = 1e3 * (time.perf_counter() - started)
        text, error = reading.told(as_json=arguments.json)
        print(text, flush=True)
        n_failed, last = n_failed + (error is not None), reading.diagnosis or last
        show_cause(error, debug=arguments.debug)
        if arguments.time:
            print(f"{reading.path}: {elapsed_ms:.1f} ms from file to reading", file=sys.stderr)
        started = time.perf_counter()
    if last is not None and not arguments.json:
        print(explain_words(last))
    return 1 if n_failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Read ECGs without torch. Research use only. Not a medical device.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_DIR", help="a record, or a folder of records")
    parser.add_argument("--checkpoint", help="name or directory of an ONNX checkpoint (default: the shipped reader)")
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help=f"who must have signed the checkpoint (default: {TRUSTED_KEYS})")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--time", action="store_true", help="say how long each reading took")
    parser.add_argument("--quick", action="store_true", help="probabilities alone: no measurements, no check of the signal, no diagnosis")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default: 1)")
    parser.add_argument("--fs", type=positive_number, help="sampling rate in Hz, for files that do not state it")
    parser.add_argument("--unit", help="mV, uV, nV or V, for files that do not state it")
    parser.add_argument("--leads", help="lead names in the order of the columns, separated by commas")
    raise SystemExit(run_command(parser, main))
