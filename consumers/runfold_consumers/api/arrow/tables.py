"""Batches of one schema to the bytes of an Arrow IPC stream or of a Parquet file, as they are made.

What a writer wrote since it was last asked is handed out, so that no more than a batch (of Parquet: a row group) is
held. A stream that was cut is noticed by whoever reads it: an Arrow stream ends with a marker and a Parquet file with a
footer, and both go out by chunks, of which the last says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 65_536
Form = Literal["stream", "parquet"]
Bytes = bytes | memoryview
WORD = pa.dictionary(pa.int32(), pa.string())


class Words:
    """A dictionary of texts that only grows: readers are told what was added to it (a delta)."""

    def __init__(self) -> None:
        self.version = 0
        self._place: dict[str, int] = {}
        self._array: pa.StringArray | None = None
        self._same: tuple[str | None, int, pa.DictionaryArray] | None = None

    def place(self, word: str) -> int:
        """Its place."""
        found = self._place.get(word)
        if found is None:
            found = self._place[word] = len(self._place)
            self._array = self._same = None
            self.version += 1
        return found

    def column(self, places: Any, mask: Any = None) -> pa.DictionaryArray:
        """The words at these places, null where masked."""
        if self._array is None:
            self._array = pa.array(list(self._place), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=mask), self._array)

    def forget(self, most: int) -> None:
        """Begins anew where there are more words than that: readers get another dictionary."""
        if len(self._place) > most:
            self._place, self._array, self._same = {}, None, None
            self.version += 1

    def all(self, word: str | None, n: int) -> pa.DictionaryArray:
        """One word n times; as `same`."""
        if self._same is None or self._same[:2] != (word, n):
            places = np.full(n, 0 if word is None else self.place(word), np.int32)
            self._same = (word, n, self.column(places, np.ones(n, np.bool_) if word is None else None))
        return self._same[2]


@lru_cache(maxsize=8)
def same(number: int | None, n: int) -> pa.Array:
    """A column of int32 that is one number n times: of most series most batches have the same."""
    return pa.nulls(n, pa.int32()) if number is None else pa.array(np.full(n, number, np.int32))


@lru_cache(maxsize=2)
def no_texts(n: int) -> pa.Array:
    """A column of texts that is null n times."""
    return pa.nulls(n, pa.string())


class _Sink:
    """What a writer writes, until it is taken."""

    def __init__(self) -> None:
        self.closed = False
        self._pieces: list[bytes] = []
        self._place = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._place += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def taken(self) -> bytes:
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces = []
        return taken


_KINDS = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "time": pa.timestamp("us", tz="UTC"),
}


def schema_of(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """A schema by name and kind of each column: bool, int, float, time; every other kind is text."""
    return pa.schema([pa.field(name, _KINDS.get(kind, pa.string())) for name, kind in columns])


class TableWriter:
    """Batches of one schema to the bytes of a stream or file.

    Args:
        schema: of every batch.
        form: `stream` (Arrow IPC stream) or `parquet`.
        metadata: of the schema.
    """

    def __init__(self, schema: pa.Schema, form: Form, metadata: Mapping[str, str]) -> None:
        self._sink = _Sink()
        self._versions: list[int] = []
        self.schema = schema.with_metadata(dict(metadata)) if metadata else schema
        self._none = pa.RecordBatch.from_arrays([pa.array([], each.type) for each in self.schema], schema=self.schema)
        self._writer: Any
        if form == "parquet":
            self._writer = pq.ParquetWriter(self._sink, self.schema, compression="zstd", compression_level=1)
        else:
            options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
            self._writer = pa.ipc.new_stream(self._sink, self.schema, options=options)

    def write(self, columns: Sequence[Any], words: Sequence[Words] = ()) -> Bytes:
        """Writes a batch; what is to be sent now.

        Args:
            columns: of the schema.
            words: the dictionaries that the columns refer to. Where none has changed since the last batch, this one
                goes out as it is serialised, without a copy.
        """
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type, from_pandas=False)
            for column, field in zip(columns, self.schema, strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        versions = [each.version for each in words]
        if versions and versions == self._versions:
            return memoryview(batch.serialize())
        self._writer.write_batch(batch)
        self._versions = versions
        self._none = batch.slice(0, 0)  # with the dictionaries that were told
        return self._sink.taken()

    def write_rows(self, rows: Sequence[Mapping[str, Any]]) -> Bytes:
        """Writes a batch of rows by the names of the schema; what is to be sent now."""
        return self.write([pa.array([row[field.name] for row in rows], field.type) for field in self.schema])

    def end(self, metadata: Mapping[str, str] | None = None) -> bytes:
        """The end of it; what is to be sent last. `metadata`: of an empty last batch, of an Arrow stream."""
        if metadata:
            self._writer.write_batch(self._none, custom_metadata=dict(metadata))
        self._writer.close()
        return self._sink.taken()
