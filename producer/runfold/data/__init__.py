"""Data: datasets (what is read and written, named and versioned) and datastores (where it is).

dataset         Dataset: finding and making; what all datasets can do
file_dataset    files at paths and URLs: download, mount
tabular         tables in files or databases: to_pandas_dataframe
expressions     dataset["column"] > 5, as something that a definition can hold; pure
definitions     what a dataset is, as JSON, and the id that follows from it; pure
files           definition -> files: local, http(s), datastores, and whatever fsspec opens
tables          definition -> pandas
consumption     a dataset as a script's argument: as_named_input, as_mount, as_download
outputs         OutputFileDatasetConfig, Link: what a script writes becomes a dataset
delivering      what a job's wrapper does before the script and after it
linking         a dataset that a run uses becomes DatasetLinked
finding         datasets and datastores by name and id
datastore       Datastore: definitions without secrets, registered as assets
stores          each kind of datastore: how its files are reached
ledger_store    workspaceblobstore: files by path in the ledger's own object store

No data is copied into the ledger: a definition says where it is. pandas, pyarrow and fsspec are the extra `data`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .consumption import DatasetConsumptionConfig
    from .dataset import Dataset
    from .datastore import Datastore
    from .definitions import DataPath, DataType
    from .file_dataset import FileDataset
    from .finding import datastores
    from .outputs import LinkFileOutputDatasetConfig, OutputFileDatasetConfig
    from .references import DataReference
    from .tabular import TabularDataset

__all__ = [
    "DataPath",
    "DataReference",
    "DataType",
    "Dataset",
    "DatasetConsumptionConfig",
    "Datastore",
    "FileDataset",
    "LinkFileOutputDatasetConfig",
    "OutputFileDatasetConfig",
    "TabularDataset",
    "datastores",
]

_HOMES = {
    "DataPath": ".definitions",
    "DataReference": ".references",
    "DataType": ".definitions",
    "Dataset": ".dataset",
    "DatasetConsumptionConfig": ".consumption",
    "Datastore": ".datastore",
    "FileDataset": ".file_dataset",
    "LinkFileOutputDatasetConfig": ".outputs",
    "OutputFileDatasetConfig": ".outputs",
    "TabularDataset": ".tabular",
    "datastores": ".finding",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(home, __name__), name)
    globals()[name] = found
    return found
