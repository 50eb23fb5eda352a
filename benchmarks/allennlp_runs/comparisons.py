"""What is compared: tasks, parts of their data, and how AllenNLP's predictions are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One task that both systems train on.

    Attributes:
        name: also of its experiment, ``experiments/allennlp/NAME.yaml``, which has the task, the
            head, its sizes and its training.
        head: what the head is called.
        sizes: split -> number of examples of the part.
        output: the entry of AllenNLP's output that holds the prediction.
        validation: the score by which AllenNLP chooses its epoch.
        document_tokens: length of coreference documents; 0 for whole ones.
        longest: most tokens of a passage with a question; 0 for any number.
        train_from: the split of the data that train is taken from.
    """

    name: str
    head: str
    sizes: Mapping[str, int]
    output: str
    validation: str
    document_tokens: int = 0
    longest: int = 0
    train_from: str = "train"

    @property
    def experiment(self) -> str:
        """Name of the shipped experiment."""
        return f"allennlp/{self.name}"


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Comparison(
            "ner",
            "biLSTM-CRF",
            {"train": 1700, "dev": 250, "test": 1287},
            output="tags",
            validation="+f1-measure-overall",
        ),
        Comparison(
            "sentiment",
            "BCN",
            {"train": 1500, "dev": 200, "test": 1200},
            output="label",
            validation="+accuracy",
        ),
        Comparison(
            "inference",
            "ESIM",
            {"train": 2000, "dev": 200, "test": 1000},
            output="label",
            validation="+accuracy",
            # The pairs of train are revisions that reverse labels with few words: from a part of
            # them both systems learn nothing in minutes. Dev has ordinary pairs of SNLI.
            train_from="dev",
        ),
        Comparison(
            "roles",
            "alternating LSTM",
            {"train": 1500, "dev": 150, "test": 600},
            output="tags",
            validation="+f1-measure-overall",
        ),
        Comparison(
            "questions",
            "BiDAF",
            {"train": 800, "dev": 100, "test": 500},
            output="best_span_str",
            validation="+f1",
            longest=100,
        ),
        Comparison(
            "coreference",
            "span ranking",
            {"train": 80, "dev": 10, "test": 10},
            output="clusters",
            validation="+coref_f1",
            document_tokens=200,
        ),
    )
}
