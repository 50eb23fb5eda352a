"""Records with predictions of a made-up task, for tests of code that reads records."""

from __future__ import annotations

import hashlib
from typing import Any

from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

GOLD = ["pos", "neg"] * 40
NASTY = "</script><script>alert(1)</script> & \"quotes\" 'and' <b>"


def _mix(part: str, s: tuple[float, ...]) -> dict[str, Any]:
    if part == "flat":
        return {"s": None, "gamma": None, "w": None}
    return {"s": list(s), "gamma": 1.5, "w": [0.0] * len(s)}


def record(
    features: str,
    seed: int,
    predicted: list[str],
    axes: dict[str, Any] | None = None,
    *,
    task: str = "sentiment/made-up",
    s: tuple[float, ...] = (0.4, 0.6),
    dev: tuple[float, ...] = (60.0, 70.0),
    chosen: dict[str, Any] | None = None,
    l2: float = 0.0,
) -> RunRecord:
    """A record with these predictions.

    Args:
        features: parts joined by ``+``; every part has layers to mix unless it is called ``flat``.
        seed: seed of the run.
        predicted: predicted labels; :data:`GOLD` has the true ones.
        axes: further axes.
        task: name of the task.
        s: learned layer weights of each part.
        dev: dev score of each epoch.
        chosen: options that a search chose.
        l2: the penalty λ in the cell's identity.
    """
    right = sum(a == b for a, b in zip(GOLD, predicted, strict=True))
    score = 100 * right / len(GOLD)
    deep = features != "flat"
    name = f"{task} {features} {seed} {axes}"
    parts = {str(part): _mix(str(part), s) for part in parse_features(features).parts}
    rows = [
        {"epoch": i, "train_loss": 1.0, "dev": value, "layer_weights": {"input": parts}}
        for i, value in enumerate(dev, start=1)
    ]
    return RunRecord.model_validate(
        {
            "cell": hashlib.sha256(name.encode()).hexdigest(),
            "experiment": "page",
            "task": task,
            "pipeline": task.split("/")[0],
            "features": features,
            "head": "linear",
            "seed": seed,
            "axes": axes or {},
            "identity": {"parts": [{"fingerprint": features, "l2": l2}], "data": "d" * 64},
            "status": "ok",
            "caveats": [f"Careful: `deep` {NASTY}"],
            "result": {
                "metric": "accuracy",
                "primary": "accuracy",
                "test": {"accuracy": score},
                "dev": {"accuracy": score},
                "per_class": {},
                "best_epoch": 1 + dev.index(max(dev)),
                "predictions_digest": "d",
                "layer_weights": rows[-1]["layer_weights"],
                "curve": rows,
                "selection": {"chosen": chosen, "dev": []} if chosen else None,
                "counts": {"train": 10, "dev": 5, "test": len(GOLD)},
            },
            "run": {
                "started": "",
                "seconds": {"train": 2.0, "epoch_mean": 1.0},
                "peak_memory_bytes": 10_000_000,
                "parameters": {"head": 3, "e": 7},
                "bytes_per_token": {"e": 12.5 if deep else 2.0},
                "versions": {"torch": "2"},
                "host": {"system": "Linux"},
                "signature": "s",
            },
        }
    )


def predictions(wrong: int, start: int = 0) -> list[str]:
    flipped = {"pos": "neg", "neg": "pos"}
    bad = range(start, start + wrong)
    return [flipped[g] if i in bad else g for i, g in enumerate(GOLD)]


def keep(store: RecordStore, run: RunRecord, predicted: list[str]) -> None:
    """Write a record, with the digest of its predictions, and the predictions."""
    assert run.result is not None
    run.result.predictions_digest = store.write_predictions(
        run.cell,
        [
            {"id": f"{NASTY} {i}", "gold": g, "predicted": p}
            for i, (g, p) in enumerate(zip(GOLD, predicted, strict=True))
        ],
    )
    store.write(run)
