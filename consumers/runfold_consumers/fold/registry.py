"""What is said about models, datasets, environments and datastores: versions, and words and properties of versions.

Versions are counted here, in the asset's own partition: 1, 2, 3, ... Words that come with a registration are words of
its writer about the version that it got.
"""

from __future__ import annotations

import json
from typing import Any

from runfold_consumers.fold import rules
from runfold_consumers.fold.batch import Batch, Decide, kept_ordinal
from runfold_consumers.fold.changes import AssetKey
from runfold_consumers.fold.properties import add_properties
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.registry_rows import AssetPropertyRow, AssetRow, AssetWordRow, RegistrationRow, VersionRow
from runfold_consumers.fold.rules import ACCEPT, Decision
from runfold_consumers.fold.words import words_of
from runfold_schemas.events import AssetChanged, AssetRegistered, ModelChanged, ModelRegistered

MODEL = "model"
_SAID_OTHERWISE = frozenset(
    ("aggregate_kind", "aggregate_id", "writer_id", "ordinal", "occurred_at", "description", "tags", "properties",
     "key_id", "signature")
)  # fmt: skip
_DEFINITION = tuple(name for name in ModelRegistered._fields if name not in _SAID_OTHERWISE)


def _asset(batch: Batch, record: Record, event: Any) -> AssetRow:
    """The asset's row; a new one is not written down before something was registered."""
    key = _key(record, event)
    return (
        batch.changes.assets.get(key)
        or batch.known.assets.get(key)
        or AssetRow(*key, record.partition, 1, record.offset, event.occurred_at)
    )


def _model_registered(batch: Batch, record: Record, event: ModelRegistered) -> Decision:
    asset = _asset(batch, record, event)
    _add_version(batch, record, event, asset, model_definition(event), event.run_id, event.experiment)
    _register(batch, record, event, asset.next_version)
    _add_properties(batch, record, event, asset.next_version)
    return ACCEPT


def _asset_registered(batch: Batch, record: Record, event: AssetRegistered) -> Decision:
    asset = _asset(batch, record, event)
    decision, version = rules.register_asset(
        asset.next_version, _latest_definition(batch, asset), event.definition, event.new_version
    )
    if decision is ACCEPT:
        if version == asset.next_version:
            _add_version(batch, record, event, asset, event.definition, None, None)
        _register(batch, record, event, version)
    return decision


def _model_changed(batch: Batch, record: Record, event: ModelChanged) -> Decision:
    decision = rules.change_version(event.version, _asset(batch, record, event).next_version, 1)
    if decision is ACCEPT:
        decision = _add_properties(batch, record, event, event.version)
    if decision is ACCEPT:
        _say(batch, record, event, event.version)
    return decision


def _asset_changed(batch: Batch, record: Record, event: AssetChanged) -> Decision:
    decision = rules.change_version(event.version, _asset(batch, record, event).next_version, 0)
    if decision is ACCEPT:
        _say(batch, record, event, event.version)
    return decision


def _latest_definition(batch: Batch, asset: AssetRow) -> str | None:
    latest = batch.changes.versions.get((*asset[:3], asset.next_version - 1))
    return batch.known.definitions.get(asset[:3]) if latest is None else latest.definition


def _add_version(
    batch: Batch,
    record: Record,
    event: ModelRegistered | AssetRegistered,
    asset: AssetRow,
    definition: str,
    run_id: str | None,
    experiment: str | None,
) -> None:
    """The next version; the one after it is the next from now on."""
    key = (*asset[:3], asset.next_version)
    batch.changes.versions[key] = VersionRow(
        *key, record.offset, record.broker_time_us, event.writer_id, event.ordinal, event.occurred_at, run_id,
        experiment, definition,
    )  # fmt: skip
    batch.changes.assets[asset[:3]] = asset._replace(next_version=asset.next_version + 1)


def _register(batch: Batch, record: Record, event: ModelRegistered | AssetRegistered, version: int) -> None:
    """Tells which version the registration got, and takes the words that came with it."""
    row = RegistrationRow(*_key(record, event), event.writer_id, event.ordinal, version)
    batch.changes.registrations.append(row)
    _say(batch, record, event, version)


def _say(batch: Batch, record: Record, event: Any, version: int) -> None:
    asset = _key(record, event)
    for field, (value, removed) in words_of(event).items():
        word = (*asset, version, field, event.writer_id)
        kept = kept_ordinal(batch.changes.asset_words.get(word), batch.known.asset_words.get(word))
        if rules.is_later_word(event.ordinal, kept):
            batch.changes.asset_words[word] = AssetWordRow(
                *word, event.ordinal, record.offset, record.broker_time_us, value, removed
            )


def _add_properties(batch: Batch, record: Record, event: ModelRegistered | ModelChanged, version: int) -> Decision:
    changed, known = batch.changes.asset_properties, batch.known.asset_properties
    return add_properties(record, event, (*_key(record, event), version), changed, known, AssetPropertyRow)


def model_definition(event: ModelRegistered) -> str:
    """All that was registered but words and properties, as JSON with sorted keys."""
    return json.dumps({name: _plain(getattr(event, name)) for name in _DEFINITION}, sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return value._asdict()
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _key(record: Record, event: Any) -> AssetKey:
    return record.workspace, event.aggregate_kind, event.aggregate_id


DECIDE: dict[type, Decide] = {
    ModelRegistered: _model_registered,
    ModelChanged: _model_changed,
    AssetRegistered: _asset_registered,
    AssetChanged: _asset_changed,
}
