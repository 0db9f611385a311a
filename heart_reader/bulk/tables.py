"""Tables of paths as sources: CSV, TSV or Parquet with a column that names the files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from heart_reader.bulk.items import Item
from heart_reader.bulk.stores import Store, local_path
from heart_reader.errors import ConfigError

__all__ = ["TABLE_SUFFIXES", "TableColumns", "table_items"]

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
_AT_ONCE = 8192


class TableColumns:
    """Which columns of a table are asked for.

    Parameters
    ----------
    path
        Has the paths or addresses; relative ones begin in the folder of the table.
    key
        Has what records are called in the result; None calls them by their paths.
    """

    def __init__(self, path: str = "path", key: str | None = None) -> None:
        self.path, self.key = path, key

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [self.path] if self.key is None else [self.path, self.key]


def table_items(address: str, columns: TableColumns) -> Iterator[Item] | None:
    """Return the records that a table lists, None for a CSV that has no column of paths.

    Raises
    ------
    ConfigError
        If it is no table, lacks a column, or has a row without path.
    """
    local = local_path(address)
    store = None if local is not None else Store.of(address)
    file = open(local, "rb") if store is None and local is not None else store.files.open(store.path, "rb")  # type: ignore[union-attr] # noqa: SIM115
    try:
        names = _column_names(address, file)
        if columns.path not in names and not address.lower().endswith(".parquet"):
            file.close()
            return None
        missing = [name for name in columns.names if name not in names]
        if missing:
            raise ConfigError(
                f"{address}: no column {missing[0]!r}; there are {', '.join(names[:20])}: name another with --path-column or --key-column"
            )
        file.seek(0)
        return _items(address, file, columns)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        file.close()
        raise ConfigError(f"{address}: no table that can be read ({' '.join(str(error).split())[:200]})") from None
    except BaseException:
        file.close()
        raise


def _options(address: str) -> Any:
    return pa.csv.ParseOptions(delimiter="\t" if address.lower().endswith(".tsv") else ",")


def _column_names(address: str, file: Any) -> list[str]:
    if address.lower().endswith(".parquet"):
        return list(pq.ParquetFile(file).schema_arrow.names)
    first = file.readline(1 << 16).decode("utf-8-sig", errors="replace").strip()
    if not first:
        raise ConfigError(f"{address}: an empty file")
    return [name.strip().strip('"') for name in first.split("\t" if address.lower().endswith(".tsv") else ",")]


def _batches(address: str, file: Any, columns: TableColumns) -> Iterator[pa.RecordBatch]:
    if address.lower().endswith(".parquet"):
        yield from pq.ParquetFile(file).iter_batches(_AT_ONCE, columns=columns.names)
        return
    convert = pa.csv.ConvertOptions(
        include_columns=columns.names, column_types=dict.fromkeys(columns.names, pa.string()), strings_can_be_null=False
    )
    yield from pa.csv.open_csv(file, parse_options=_options(address), convert_options=convert)


def _items(address: str, file: Any, columns: TableColumns) -> Iterator[Item]:
    local = local_path(address)
    folder = posixpath.dirname(address) if local is None else os.path.dirname(os.path.abspath(local))
    row = 0
    with file:
        try:
            for batch in _batches(address, file, columns):
                for values in batch.to_pylist():
                    row += 1
                    path = values[columns.path]
                    key = path if columns.key is None else values[columns.key]
                    if not path or key is None or key == "":
                        raise ConfigError(f"{address}: row {row} names no {'file' if not path else 'key'}: leave it out")
                    yield Item(str(key), str(path), _placed(str(path), folder, local is None))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ConfigError(f"{address}: cannot be read behind row {row} ({' '.join(str(error).split())[:200]})") from None


def _placed(path: str, folder: str, remote: bool) -> str:
    """Return where a path of a table leads to."""
    own = local_path(path)
    if own is None:
        return path
    if remote and own == path and not os.path.isabs(path):
        return f"{folder}/{path}"
    return os.path.normpath(os.path.join("/" if remote else folder, own))
