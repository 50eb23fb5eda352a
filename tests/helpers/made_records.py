"""A run record of one made-up cell."""

from __future__ import annotations

from elmobench.tracking.record import RunRecord


def make_record(cell: str = "c" * 64, **changes) -> RunRecord:
    values = {
        "cell": cell,
        "experiment": "x",
        "task": "ner/t",
        "pipeline": "ner",
        "features": "a+b",
        "head": "linear",
        "seed": 1,
        "axes": {},
        "identity": {"parts": [{"fingerprint": "f" * 64}]},
        "status": "ok",
        "result": {
            "metric": "span-f1",
            "primary": "f1",
            "test": {"f1": 50.0},
            "dev": {"f1": 51.0},
            "per_class": {},
            "best_epoch": 2,
            "predictions_digest": "d",
            "layer_weights": {
                "input": {
                    "a": {"s": None, "gamma": 1.0, "w": None},
                    "b": {"s": [0.2, 0.8], "gamma": 1.5, "w": [0.0, 1.4]},
                }
            },
            "curve": [
                {
                    "epoch": n,
                    "train_loss": 1.0 / n,
                    "dev": 50.0 + n / 2,
                    "layer_weights": {
                        "input": {"b": {"s": [0.5, 0.5], "gamma": 1.0, "w": [0.0, 0.0]}}
                    },
                }
                for n in (1, 2)
            ],
        },
        "run": {
            "started": "2026-01-01T00:00:00+00:00",
            "seconds": {"train": 1.0, "epoch_mean": 0.5},
            "peak_memory_bytes": 10,
            "parameters": {"head": 3, "a": 0, "b": 7},
            "bytes_per_token": {"a": 1.0, "b": 2.0},
            "versions": {},
            "host": {},
            "signature": "s",
        },
        **changes,
    }
    return RunRecord.model_validate(values)
