"""A table by name, as a run's input, and a secret that is no part of any script."""

import csv
import os

from azureml.core import Dataset, Experiment, Workspace

ws = Workspace.from_config()
run = Experiment(ws, "data").start_logging(snapshot_directory=None, outputs=False)
print("run", run.id)

os.makedirs("data", exist_ok=True)
with open("data/people.csv", "w", newline="") as file:
    csv.writer(file).writerows([("name", "age"), ("Ada", 36), ("Grace", 85), ("Alan", 41)])

dataset = Dataset.Tabular.from_delimited_files(path=os.path.abspath("data/people.csv"))
dataset = dataset.register(workspace=ws, name="people", description="three of them", create_new_version=True)
print("dataset", dataset.name, dataset.version, dataset.id)

people = Dataset.get_by_name(ws, name="people").to_pandas_dataframe()
run.log("people", len(people))
run.log("mean age", float(people["age"].mean()))

keyvault = ws.get_default_keyvault()
password = keyvault.get_secret("database-password")
assert password == run.get_secret(name="database-password")
assert run.get_secrets(["database-password", "no-such-secret"]) == {
    "database-password": password,
    "no-such-secret": None,
}
print("the password has", len(password), "characters")
run.complete()
