"""The parameters and metrics of a record, as trackers show them."""

from __future__ import annotations

from collections.abc import Iterator

from elmobench.tracking.record import RunRecord


def run_name(record: RunRecord) -> str:
    """One line that names the run of a record."""
    return f"{record.task} {record.features} {record.head} seed {record.seed}"


def parameters(record: RunRecord) -> dict[str, str]:
    """The names of the cell, its options and its axes."""
    identity = record.identity
    flat = {
        "task": record.task,
        "pipeline": record.pipeline,
        "features": record.features,
        "head": record.head,
        "seed": str(record.seed),
        "threads": str(identity.get("threads")),
        "precision": str(identity.get("precision")),
        "placement": str(identity.get("placement")),
        "train_fraction": str(identity.get("train_fraction")),
    }
    for block in ("options", "training"):
        for key, value in identity.get(block, {}).items():
            flat[f"{block}.{key}"] = str(value)
    for key, value in record.axes.items():
        flat.setdefault(key, str(value))
    return flat


def metrics(record: RunRecord) -> Iterator[tuple[tuple[str, ...], float, int]]:
    """Yield (words of the key, value, step); a step is an epoch, the best one for overall scores.

    For example ``(("test", "f1"), 61.3, 7)`` and ``(("mix", "input", "elmo-mini", "s1"), 0.4, 3)``.
    """
    result = record.result
    if result is None:
        return
    for split, scores in (("test", result.test), ("dev", result.dev)):
        for name, value in scores.items():
            yield (split, name), value, result.best_epoch
    for row in result.curve:
        if row.train_loss is not None:
            yield ("epoch", "train_loss"), row.train_loss, row.epoch
        yield ("epoch", "dev"), row.dev, row.epoch
        for placement, parts in row.layer_weights.items():
            for part, mix in parts.items():
                # Weights that were not learned (uniform, one layer) are left out.
                if mix.get("w") is not None:
                    for layer, weight in enumerate(mix["s"]):
                        yield ("mix", placement, part, f"s{layer}"), weight, row.epoch
                if mix.get("s") is not None:
                    yield ("mix", placement, part, "gamma"), mix["gamma"], row.epoch
    if record.run is not None:
        for stage, seconds in record.run.seconds.items():
            yield ("seconds", stage), seconds, 0
        yield ("peak_memory_bytes",), float(record.run.peak_memory_bytes), 0
