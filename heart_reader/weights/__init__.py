"""The readers that come with heart_reader."""

from heart_reader.weights.find import find_reader

__all__ = ["find_reader"]
