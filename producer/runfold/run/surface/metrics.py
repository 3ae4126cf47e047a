"""What is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runfold.run import metrics

from .base import RunBase


class MetricsSurface(RunBase):
    """log*, get_metrics. `description` is accepted everywhere and not stored, as in the original."""

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Logs a value. The same name again makes the metric a list.

        :param value: A number or text; what is neither is kept as its text, with one warning.
        :param step: The value's place on the metric's own axis.
        :raises UserErrorException: `value` is a list (use log_list), or the name cannot be stored.
        """
        handle = self._handle
        if type(value) is float:
            try:
                return handle.log_point(name, value, step)
            except (TypeError, ValueError):  # the journal does not take it, and metrics.log says why
                pass
        metrics.log(handle, name, value, step)
        return None

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Logs several values under one name.

        :param value: Whatever can be iterated; an empty list is nothing.
        :raises AzureMLException: An element is neither number, text, bool nor None.
        :raises TypeError: It cannot be iterated.
        """
        metrics.log_list(self._handle, name, value)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Logs one row; each keyword is a column.

        :raises AzureMLException: A value is a list, or neither number, text, bool nor None.
        """
        metrics.log_row(self._handle, name, kwargs)

    def log_table(self, name: str, value: Mapping[str, Any], description: str = "") -> None:
        """Logs a table: a dict of columns, each a list. A table without rows is nothing.

        :raises UserErrorException: `value` is no dict.
        :raises AzureMLException: Columns differ in length, or a cell is neither number, text, bool nor None.
        """
        metrics.log_table(self._handle, name, value)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Logs an image: a file or a stream, or a plot.

        :param path: Path of the file, or a stream; the type is told from the content.
        :param plot: `matplotlib.pyplot`, a figure, or anything with `savefig`.
        :raises AzureMLException: Both or none of them, or it is no image.
        :raises FileNotFoundError: There is no such file.
        """
        metrics.log_image(self._handle, name, path, plot)

    def log_accuracy_table(self, name: str, value: Any, description: str = "", *, strict: bool = False) -> None:
        """Logs an accuracy table: JSON as text or as a dict.

        `data` has probability_tables and percentile_tables of shape [classes, thresholds, 4] with [TP, FP, TN, FN] in
        the last axis, one against the rest; probability_thresholds, percentile_thresholds and class_labels.

        :param strict: Whether a document whose invariants do not hold is refused; else it is kept, with a warning on
            the run.
        :raises UserErrorException: The text is no JSON, or, with strict, an invariant does not hold.
        :raises TypeError: The value cannot be written as JSON.
        """
        metrics.log_document(self._handle, "accuracy_table", name, value, strict=strict)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "", *, strict: bool = False) -> None:
        """Logs a confusion matrix: JSON as text or as a dict.

        `data` has class_labels and a square matrix, rows the true classes and columns the predicted ones.

        :param strict: As in log_accuracy_table; so are the errors.
        """
        metrics.log_document(self._handle, "confusion_matrix", name, value, strict=strict)

    def log_predictions(self, name: str, value: Any, description: str = "", *, strict: bool = False) -> None:
        """Logs predictions of a regression: JSON as text or as a dict.

        `data` has bin_averages, bin_errors (standard deviations) and bin_counts of one length k, and k + 1 bin_edges.

        :param strict: As in log_accuracy_table; so are the errors.
        """
        metrics.log_document(self._handle, "predictions", name, value, strict=strict)

    def log_residuals(self, name: str, value: Any, description: str = "", *, strict: bool = False) -> None:
        """Logs residuals (predicted - actual) of a regression: JSON as text or as a dict.

        `data` has k bin_counts and k + 1 bin_edges, as numpy.histogram gives them.

        :param strict: As in log_accuracy_table; so are the errors.
        """
        metrics.log_document(self._handle, "residuals", name, value, strict=strict)

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
        *,
        rank: int | None = None,
        attempt: int | None = None,
        not_before: str | None = None,
    ) -> dict[str, Any]:
        """Metrics by name; with `recursive` of the whole subtree, by run id.

        One scalar is the bare value, several are a list in logging order; rows are a dict of columns. An image or
        chart is the address of its artifact.

        :param name: Only that metric.
        :param recursive: Whether descendants count too; runs without metrics are left out.
        :param run_type: Only descendants of that type.
        :param populate: Whether images and chart documents come with their content, as objects with `data` and so on.
        :param rank: Only what processes of that rank logged.
        :param attempt: Only what that attempt logged.
        """
        return metrics.get_metrics(
            self._handle, name, recursive, run_type, populate, rank=rank, attempt=attempt, not_before=not_before
        )
