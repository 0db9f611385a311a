"""Where reports go: by C-STORE to an application entity, or by STOW to a DICOMweb archive.

References
----------
DICOM PS3.4, B.2.3 and Table B.2-1 (statuses of C-STORE); PS3.7, 9.1.1.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

import pydicom
from pynetdicom import AE, build_context

from heart_reader.archive.dicomweb import Archive
from heart_reader.archive.names import AeAddress
from heart_reader.errors import ArchiveError

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["CStore", "Destination", "NotTaken", "Stow"]

_PATIENCE_S = 30.0
# Out of resources: another attempt may succeed.
_BUSY = 0xA7
_SYNTAXES = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]


class NotTaken(ArchiveError):
    """A report that the archive refuses, and would refuse again."""


class Destination(Protocol):
    """Where reports go."""

    def send(self, report: bytes) -> None:
        """Send a report, a file of DICOM.

        Raises
        ------
        NotTaken
            If it is refused.
        ArchiveError
            If it could not be sent now.
        """


class CStore:
    """Sends reports to an application entity, over a connection each.

    Parameters
    ----------
    own
        AE title of the sender.
    to
        Where it listens.
    """

    def __init__(self, own: str, to: AeAddress) -> None:
        self._to = to
        self._entity = AE(own)
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = _PATIENCE_S
        self._entity.connection_timeout = _PATIENCE_S

    def __str__(self) -> str:
        return str(self._to)

    def send(self, report: bytes) -> None:
        """Send a report; see :class:`Destination`."""
        dataset: Dataset = pydicom.dcmread(io.BytesIO(report))
        contexts = [build_context(str(dataset.SOPClassUID), _SYNTAXES)]
        association = self._entity.associate(self._to.host, self._to.port, contexts, self._to.title)
        if not association.is_established:
            if association.rejected_contexts:
                raise NotTaken(f"{self._to}: it does not take structured reports of this class ({dataset.SOPClassUID})")
            why = (
                "it does not let us in: its list of AE titles lacks ours, or it expects another title" if association.is_rejected else None
            )
            raise ArchiveError(f"{self._to}: {why or 'out of reach: check address, port and network'}")
        try:
            status = association.send_c_store(dataset).get("Status")
        except (ValueError, RuntimeError) as error:
            raise ArchiveError(f"{self._to}: the connection broke ({type(error).__name__})") from None
        finally:
            association.release()
        if status is None or status >> 8 == _BUSY:
            raise ArchiveError(f"{self._to}: {'no answer' if status is None else f'busy (status {status:04X})'}")
        if status and status >> 12 != 0xB:  # warnings mean that it is stored
            raise NotTaken(f"{self._to}: the report was refused (status {status:04X})")


class Stow:
    """Sends reports to a DICOMweb archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __str__(self) -> str:
        return self._archive.access.url

    def send(self, report: bytes) -> None:
        """Send a report; see :class:`Destination`."""
        self._archive.store(report)
