"""What a recorder filtered out before it wrote the file, where that changes what is read from an
ECG.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324: nothing above 0.05 Hz, or 0.67 Hz
without distortion of phase, may be taken off.
"""

from __future__ import annotations

from collections.abc import Sequence

from heart_reader.messages import Message, message

__all__ = ["Band", "filter_warnings"]

# Lower and upper limit in Hz of what was let through; None where the file does not say.
Band = tuple[float | None, float | None]

_ST_BENDS_HZ = 0.67
# Recorders offer 40 Hz against muscle noise; what is below is for monitors.
_QRS_SHRINKS_HZ = 40.0


def filter_warnings(names: Sequence[str], bands: Sequence[Band]) -> list[Message]:
    """Name the leads whose filters change ST segments or QRS complexes.

    Examples
    --------
    >>> filter_warnings(["I", "II"], [(0.05, 150.0), (1.0, None)])
    ['recorded without frequencies below 1 Hz, which distorts ST segments: II']
    """
    warnings = []
    if slow := {name: low for name, (low, _) in zip(names, bands, strict=True) if low is not None and low > _ST_BENDS_HZ}:
        warnings.append(message("filtered_below", fs=max(slow.values()), leads=list(slow)))
    if quick := {name: high for name, (_, high) in zip(names, bands, strict=True) if high is not None and 0 < high < _QRS_SHRINKS_HZ}:
        warnings.append(message("filtered_above", fs=min(quick.values()), leads=list(quick)))
    return warnings
