"""Which cells may be compared: those that differ in the representation and the seed only.

Within one experiment the grid says so, by the names of its axes. Cells of different experiments
are compared by their identities, since the same name can mean other data or options there.
:func:`comparison_key` is the one place that decides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from elmobench.features.spec import OWN_DRAW, parse_features
from elmobench.tracking.record import RunRecord

OF_THE_SYSTEM: Final = ("parts", "placement", "precision", "threads", "device")
"""Fields of an identity that may differ between comparable cells.

``parts`` (fingerprints of the vectors, and the settings with which a head uses them) and
``placement`` are the representation; ``precision`` is that of its stored vectors; ``threads`` and
``device`` change the order of sums, and so the last bits.
"""

MEASURES: Final = ("online_code",)
"""Options of training that add a measure to a result, and change nothing else of it. An identity
has the version of the measure under the same name.
"""

HEADS_WITHOUT_FEATURES: Final = frozenset({"majority", "most-frequent", "first-sense"})
"""Heads that read no vectors: their score is the same for every representation."""


def comparison_key(record: RunRecord) -> dict[str, Any]:
    """What two finished cells must have in common to be comparable.

    That is the whole identity without the seed, :data:`OF_THE_SYSTEM` and :data:`MEASURES`: the
    digest of the data (train, dev and test), the labels, the context unit, versions of protocol,
    card, metric and search, the head with its version, options and training, the share of the
    training set, the test fold, and the limit of a quick try; and the score that is shown. A field
    that a later version adds counts as well.

    >>> from elmobench.tracking.record import Result, RunRecord
    >>> result = Result(
    ...     metric="accuracy", primary="accuracy", test={"accuracy": 50}, dev={"accuracy": 50},
    ...     per_class={}, best_epoch=1, predictions_digest="", layer_weights={}, curve=[],
    ... )
    >>> names = dict(task="pos/t", pipeline="pos", features="x", head="linear", axes={})
    >>> identity = {"data": "d", "train_fraction": 0.1, "seed": 3, "threads": 2}
    >>> comparison_key(
    ...     RunRecord(
    ...         cell="c", experiment="e", seed=3, status="ok", identity=identity, result=result,
    ...         **names,
    ...     )
    ... )["train_fraction"]
    0.1

    Raises:
        ValueError: the cell has no result.
    """
    if record.result is None:
        raise ValueError(f"cell {record.cell} has no result")
    kept = {
        name: value
        for name, value in record.identity.items()
        if name != "seed" and name not in (*OF_THE_SYSTEM, *MEASURES)
    }
    training = kept.get("training")
    if isinstance(training, Mapping):
        kept["training"] = {k: v for k, v in training.items() if k not in MEASURES}
    # Identities of other programs may lack some names; those of this one have them all.
    names = {
        "task": record.task,
        "head": [record.pipeline, record.head],
        "metric": [record.result.metric],
    }
    return {**names, **kept, "score": record.result.primary}


def system_key(record: RunRecord) -> dict[str, Any]:
    """What distinguishes the systems of comparable cells; runs that share it differ in the seed.

    Cells whose head reads no vectors are one system. So are runs that each have a random draw of
    their own (``@untrained=run``): the draw is chance, as the seed is.
    """
    if record.head in HEADS_WITHOUT_FEATURES:
        return {}
    system = {name: record.identity.get(name) for name in OF_THE_SYSTEM}
    if f"={OWN_DRAW}" in record.features and system["parts"]:
        system["parts"] = [
            {**found, "fingerprint": "+".join([part.name, *map("=".join, part.own_draws)])}
            if part.own_draws
            else found
            for part, found in zip(
                parse_features(record.features).parts, system["parts"], strict=True
            )
        ]
    return system


def differing_fields(keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each key its fields that are not the same in all of them; options have a dotted name.

    A field that a key lacks has the value None: the default of its head or of the program.

    >>> rows = [{"options": {"hidden": 1, "layers": 2}}, {"options": {"hidden": 3, "layers": 2}}]
    >>> differing_fields(rows)
    [{'options.hidden': 1}, {'options.hidden': 3}]
    """
    flat = [_flat(key) for key in keys]
    names = sorted({name for key in flat for name in key})
    differing = [n for n in names if any(key.get(n) != flat[0].get(n) for key in flat)]
    return [{name: key.get(name) for name in differing} for key in flat]


def _flat(key: Mapping[str, Any]) -> dict[str, Any]:
    """The key with each field of its blocks, such as ``options``, as ``options.FIELD``."""
    fields: dict[str, Any] = {}
    for name, value in key.items():
        if isinstance(value, Mapping):
            fields |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            fields[name] = value
    return fields
