"""Record batches to RawRecords: the same as kafka-python's own reading gives, and nothing from damaged ones."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from runfold_consumers.engine.poll import _unpacked

HEAD = ("w", "facts", "p.w.facts", 3)
RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**44),
        st.none() | st.binary(max_size=200),
        st.none() | st.binary(max_size=9_000),
        st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9)), max_size=2),
    ),
    min_size=1,
    max_size=20,
)


def batch_of(records: Any, compression: int = 0) -> bytes:
    builder = MemoryRecordsBuilder(2, compression, 1 << 20)
    for time_ms, key, value, headers in records:
        builder.append(time_ms, key, value, headers)
    builder.close()
    return bytes(builder.buffer())


@given(RECORDS, st.sampled_from([0, 1]))
def test_records_are_what_kafka_python_reads(records: Any, compression: int) -> None:
    message = batch_of(records, compression)
    own = list(_unpacked(HEAD, MemoryRecords(message).next_batch()))
    theirs = list(MemoryRecords(message).next_batch())
    assert [raw[4:] for raw in own] == [(r.offset, r.timestamp * 1_000, r.key, r.value or b"") for r in theirs]
    assert {raw[:4] for raw in own} == {HEAD}


@given(RECORDS, st.data())
def test_a_damaged_batch_gives_corrupt_records_and_no_other_error(records: Any, data: st.DataObject) -> None:
    message = bytearray(batch_of(records))
    place = data.draw(st.integers(61, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    batch = MemoryRecords(bytes(message)).next_batch()
    assert not batch.validate_crc()
    with suppress(CorruptRecordError):
        list(_unpacked(HEAD, batch))


def test_a_record_that_ends_elsewhere_is_corrupt() -> None:
    message = bytearray(batch_of([(1, b"k", b"value", [])]))
    message[61] += 2
    with pytest.raises(CorruptRecordError, match="does not end"):
        list(_unpacked(HEAD, MemoryRecords(bytes(message)).next_batch()))
