"""The readers that come with heart_reader: one in the package, the others found by name."""

from heart_reader.weights.find import find_reader
from heart_reader.weights.index import DEFAULT_READER, shipped_readers

__all__ = ["DEFAULT_READER", "find_reader", "shipped_readers"]
