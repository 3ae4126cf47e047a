"""Data: datasets (what is read and written, named and versioned) and datastores (where it is).

dataset         Dataset: finding and making; what all datasets can do
factories       Dataset.File and Dataset.Tabular: how they are made
file_dataset    files at paths and URLs: download, mount
tabular         tables in files or databases: to_pandas_dataframe
expressions     dataset["column"] > 5, as something that a definition can hold; pure
definitions     what a dataset is, as JSON, and the id that follows from it; pure
files           definition -> files: local, http(s), datastores, and whatever fsspec opens
tables          definition -> pandas
partitions      columns that a table's paths tell; pure
consumption     a dataset as a script's argument: as_named_input, as_mount, as_download
references      DataReference: a path on a datastore as a script's argument
outputs         OutputFileDatasetConfig, Link: what a script writes becomes a dataset
delivering      what a job's wrapper does before the script and after it
linking         a dataset that a run uses becomes DatasetLinked
finding         datasets and datastores by name and id
datastore       Datastore: definitions without secrets, registered as assets
registering     Datastore.register_*
stores          each kind of datastore: how its files are reached
ledger_store    workspaceblobstore: files by path in the ledger's own object store
progress        what uploads and downloads of a datastore print

No data is copied into the ledger: a definition says where it is. pandas, pyarrow and fsspec are the extra `data`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runfold import lazily

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
    return lazily.load(__name__, _HOMES, name)
