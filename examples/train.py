"""Trains a classifier; a job's run, or none, is found by Run.get_context()."""

import argparse
import os

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, dest="reg", default=0.01, help="regularization rate")
parser.add_argument("--output_folder", default="./outputs", help="where the model is saved")
args = parser.parse_args()

run = Run.get_context()

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(digits.data / 16, digits.target, test_size=0.2, random_state=0)
print("Data contains", len(X_train), "training samples")

classifier = LogisticRegression(C=1.0 / args.reg, max_iter=200, random_state=42)
classifier.fit(X_train, y_train)
predicted = classifier.predict(X_test)

run.log("regularization rate", np.float64(args.reg))
run.log("accuracy", np.float64(np.mean(predicted == y_test)))
run.log_list("samples per class", np.bincount(y_train).tolist())
run.log_confusion_matrix(
    "confusion matrix",
    {
        "schema_type": "confusion_matrix",
        "schema_version": "1.0.0",
        "data": {
            "class_labels": [str(label) for label in digits.target_names],
            "matrix": confusion_matrix(y_test, predicted).tolist(),
        },
    },
)
run.tag("algorithm", "logistic regression")

os.makedirs(args.output_folder, exist_ok=True)
joblib.dump(value=classifier, filename=os.path.join(args.output_folder, "model.pkl"))
run.complete()
