"""Every error heart_reader raises on purpose.

.. code-block:: text

    HeartReaderError
    ├── ConfigError                a configuration that cannot be run
    ├── RecordError                an ECG that cannot be read (the server answers 422)
    │   ├── UnreadableRecord       missing, truncated, empty or of an unknown format
    │   ├── LeadError              unknown, repeated or too few leads
    │   ├── UnitError              amplitudes that cannot be millivolts
    │   ├── SignalTooShort         less signal than one reading needs
    │   └── NonFiniteSignal        nothing but NaN or infinity
    ├── DataError                  a data set that cannot be used
    │   ├── Diverged               a training whose loss is no longer a number
    │   ├── LeakageError           a patient or a record in two splits
    │   └── MissingFiles           listed files that are not on disk
    ├── CheckpointError            a checkpoint that cannot be used
    │   ├── FormatVersion          written by another format
    │   ├── Integrity              changed, truncated or incomplete
    │   ├── NotServable            readable, but not what was asked for
    │   └── NotTrusted             not signed by anyone who is trusted
    ├── ProcessLost                another process of the same training that is gone
    ├── ArchiveError               an archive that is out of reach or refuses
    ├── BadTensors                 tensors that a network cannot take (the server answers 400)
    ├── ExportParityError          an exported model that disagrees with its origin
    └── UnexpectedError            a fault of ours in one record (the server answers 500)

A message has four parts: what was found, what is allowed, where, and what to do.
``code`` is the stable, machine-readable name that JSON answers carry.
"""

from __future__ import annotations

import re

__all__ = [
    "ArchiveError",
    "BadTensors",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Diverged",
    "ExportParityError",
    "FormatVersion",
    "HeartReaderError",
    "Integrity",
    "LeadError",
    "LeakageError",
    "MissingFiles",
    "NonFiniteSignal",
    "NotServable",
    "NotTrusted",
    "ProcessLost",
    "RecordError",
    "SignalTooShort",
    "UnexpectedError",
    "UnitError",
    "UnreadableRecord",
]


class HeartReaderError(Exception):
    """Base of every error that says what to do."""

    @property
    def code(self) -> str:
        """The class name in snake case, stable across releases."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def message(self) -> str:
        """The message on one line."""
        return " ".join(str(self).split())


class ConfigError(HeartReaderError):
    """A configuration that cannot be run."""


class RecordError(HeartReaderError):
    """An ECG that cannot be read."""


class UnreadableRecord(RecordError):
    """A file that is missing, truncated, empty or of an unknown format."""


class LeadError(RecordError):
    """Leads that are unknown, repeated or too few."""


class UnitError(RecordError):
    """Amplitudes that cannot be what their unit says."""


class SignalTooShort(RecordError):
    """Less signal than one reading needs."""


class NonFiniteSignal(RecordError):
    """A signal of nothing but NaN or infinity."""


class DataError(HeartReaderError):
    """A data set that cannot be used."""


class Diverged(DataError):
    """A training whose loss is no longer a number."""


class LeakageError(DataError):
    """A patient or a record that appears in two splits."""


class MissingFiles(DataError):
    """Files that a table lists but the disk does not hold."""


class CheckpointError(HeartReaderError):
    """A checkpoint that cannot be used."""


class FormatVersion(CheckpointError):
    """A checkpoint written by another format."""


class Integrity(CheckpointError):
    """A checkpoint that was changed, truncated or left incomplete."""


class NotServable(CheckpointError):
    """A sound checkpoint that cannot do what was asked of it."""


class NotTrusted(CheckpointError):
    """A checkpoint without the signature of anyone who is trusted."""


class ProcessLost(HeartReaderError):
    """Another process of the same training that ended or no longer answers."""


class ArchiveError(HeartReaderError):
    """An archive of DICOM objects that is out of reach, or refuses what it was asked."""


class BadTensors(HeartReaderError):
    """A request for the logits of a network that is no request, or does not fit the network."""


class ExportParityError(HeartReaderError):
    """An exported model that disagrees with the model it came from."""


class UnexpectedError(HeartReaderError):
    """A failure that nobody foresaw while one record was read; the exception is its cause."""
