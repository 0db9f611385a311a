"""The sample ECGs of a folder, described by its README and labelled by its ``labels.csv``."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from heart_reader.data.formats import Format, listed_format
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.schemas import Sample, SampleList

__all__ = ["SampleFolder"]

README = "README.md"
# Columns ``id`` and ``labels``, the latter apart by blanks.
LABELS = "labels.csv"
HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)
# A table row that begins with a file name in backquotes; its second cell says what the file shows.
ROW = re.compile(r"^\|\s*`([^`]+)`[^|]*\|\s*([^|]+?)\s*\|", re.MULTILINE)


class SampleFolder:
    """The samples of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> SampleList:
        """Return every sample, by name."""
        readme = self.folder / README
        text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
        heading = HEADING.search(text)
        shown = {Path(name).stem: description for name, description in ROW.findall(text)}
        labels = _labels(self.folder / LABELS)
        samples = [
            Sample(
                id=sample_id,
                title=sample_id.replace("_", " "),
                description=shown.get(sample_id, ""),
                source_format=entry.name,
                labels=labels.get(sample_id, []),
            )
            for sample_id, (_, entry) in self._records().items()
        ]
        return SampleList(heading=heading[1].strip() if heading else "Sample recordings", samples=samples)

    def path(self, sample_id: str) -> Path:
        """Return the file of a sample; only names on the list are taken.

        Raises
        ------
        RequestRefused
            404 if there is no such sample.
        """
        records = self._records()
        if sample_id not in records:
            raise RequestRefused(404, "unknown_sample", "There is no such sample: GET /api/v1/samples lists them.")
        return records[sample_id][0]

    def _records(self) -> dict[str, tuple[Path, Format]]:
        """File and format of each sample, WFDB before all others, for it states its own unit."""
        if not self.folder.is_dir():
            return {}
        files = sorted((path.stem, path.suffix, path) for path in self.folder.iterdir() if path.name != LABELS and path.is_file())
        return {stem: (path, entry) for stem, _, path in files if (entry := listed_format(path)) is not None}


def _labels(table: Path) -> dict[str, list[str]]:
    """What is known to apply, by sample."""
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as stream:
        return {row["id"]: row["labels"].split() for row in csv.DictReader(stream)}
