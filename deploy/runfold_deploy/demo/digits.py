"""A training script as a team would have written it for `azureml.core.Run`: handwritten digits, scikit-learn, one
parent run and a child for each learning rate.

    python -m runfold_deploy.demo.digits      prints the parent's run id, and nothing else

It knows nothing of Runfold but the import. Where the ledger is comes from the environment or from `runfold up`.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split

from runfold import Experiment, Run, Workspace
from runfold.exceptions import UserErrorException

EPOCHS = 12
LEARNING_RATES = (0.0003, 0.001, 0.01)


def train(run: Run, learning_rate: float, epochs: int, data: Any) -> tuple[SGDClassifier, float]:
    """Trains one model, logging loss and accuracies after every epoch; returns it and its validation accuracy."""
    x, x_test, y, y_test = data
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=learning_rate, random_state=0)
    shuffle = np.random.default_rng(0)
    accuracy = 0.0
    for epoch in range(epochs):
        for batch in np.array_split(shuffle.permutation(len(x)), 20):
            model.partial_fit(x[batch], y[batch], classes=np.arange(10))
        accuracy = float(accuracy_score(y_test, model.predict(x_test)))
        run.log("loss", log_loss(y, model.predict_proba(x), labels=np.arange(10)), step=epoch)
        run.log("accuracy", accuracy_score(y, model.predict(x)), step=epoch)
        run.log("validation accuracy", accuracy, step=epoch)
    return model, accuracy


def main() -> str:
    """Runs the whole training and returns the parent's run id."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    digits = load_digits()
    data = train_test_split(digits.data / 16.0, digits.target, test_size=0.3, random_state=0, stratify=digits.target)
    experiment = Experiment(Workspace.from_config(), "digits")
    run = experiment.start_logging(display_name="digits by learning rate", snapshot_directory=None, outputs=False)
    run.tag("model", "logistic regression")
    run.set_tags({"data": "sklearn digits", "stage": "demo"})
    run.add_properties({"data.samples": str(len(digits.data)), "data.classes": "10"})

    best_model, best_rate, best = None, 0.0, -1.0
    for learning_rate in LEARNING_RATES:
        with run.child_run(name=f"eta0={learning_rate}") as child:
            child.add_properties({"learning_rate": str(learning_rate)})
            model, accuracy = train(child, learning_rate, EPOCHS, data)
        run.log_row("trial", learning_rate=learning_rate, accuracy=accuracy)
        if accuracy > best:
            best_model, best_rate, best = model, learning_rate, accuracy
    assert best_model is not None

    _, x_test, _, y_test = data
    predicted = best_model.predict(x_test)
    run.log("best accuracy", best)
    run.log("best learning rate", best_rate)
    matrix = confusion_matrix(y_test, predicted).tolist()
    labels = [str(digit) for digit in range(10)]
    run.log_confusion_matrix(
        "confusion",
        {
            "schema_type": "confusion_matrix",
            "schema_version": "1.0.0",
            "data": {"class_labels": labels, "matrix": matrix},
        },
    )
    figure, axes = plt.subplots(2, 5, figsize=(7, 3))
    for label, axis in enumerate(axes.flat):
        axis.imshow(best_model.coef_[label].reshape(8, 8), cmap="coolwarm")
        axis.set_title(str(label))
        axis.axis("off")
    run.log_image("weights", plot=figure)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.pkl")
        path.write_bytes(pickle.dumps(best_model))
        run.upload_file("outputs/model.pkl", str(path))

    # A property is a fact for ever: the ledger keeps the first value, and keeps the attempt to change it on record.
    try:
        run.add_properties({"data.samples": "999999"})
    except UserErrorException as refused:
        print(json.dumps({"refused": str(refused)}), file=sys.stderr)
    run.complete()
    return str(run.id)


if __name__ == "__main__":
    print(main())
