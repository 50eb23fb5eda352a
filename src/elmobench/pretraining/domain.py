"""Does a domain's own text help? Three biLMs of equal size, and the experiment on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from elmobench.core.errors import ConfigError
from elmobench.core.files import write_text
from elmobench.features.catalog.entries import read_entries
from elmobench.pretraining.model_card import CATALOG, ModelCard

GENERAL, DOMAIN, CONTINUED = "general", "domain", "continued"
"""Names of the models: trained on general text, on text of the domain, and on both in turn."""

_SMALLEST_PART = 0.001


def equal_passes(
    passes: float, tokens: Mapping[str, int], budget: int | None = None
) -> dict[str, float]:
    """How often each text is read, so that every training reads equally many tokens.

    A part of the larger text is read where the smaller one is read whole.

    >>> from elmobench.pretraining.domain import equal_passes
    >>> equal_passes(2, {"general": 4000, "domain": 1000})
    {'general': 0.5, 'domain': 2.0}

    Args:
        passes: number of passes over the smaller text.
        tokens: number of tokens of each text, by name.
        budget: number of tokens that each training reads instead.

    Raises:
        ConfigError: if a text is empty, or much larger than what a training reads.
    """
    empty = [name for name, number in tokens.items() if number == 0]
    if empty:
        raise ConfigError(
            "a text without tokens",
            where=", ".join(empty),
            fix="give files with text",
        )
    wanted = budget if budget is not None else passes * min(tokens.values())
    found = {}
    for name, number in tokens.items():
        share = wanted / number
        if share < _SMALLEST_PART:
            raise ConfigError(
                f"{wanted:,.0f} of {number:,} tokens are too small a part to read",
                where=name,
                fix="read more tokens (--tokens), or give a shorter text",
            )
        found[name] = float(f"{share:.6g}")
    return found


def domain_experiment(
    folder: Path,
    cards: Mapping[str, ModelCard],
    tasks: Sequence[str],
    heads: Sequence[str],
    seeds: Sequence[int],
) -> dict[str, Any]:
    """The experiment that compares the models in ``folder``, with its claims, as it is written.

    Args:
        folder: with the models' catalog.
        cards: the models' cards, by name.
        tasks, heads, seeds: the grid.
    """
    read = {name: card.tokens_seen for name, card in cards.items()}
    entries = read_entries(folder / CATALOG)
    names = (GENERAL, DOMAIN, CONTINUED)
    models = {
        name: entries[name].model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for name in names
    }
    return {
        "name": "domain",
        "description": (
            "Does a domain's own text help on its tasks? Three biLMs of equal size: one trained on "
            "general text, one on text of the domain, and the first one trained further on the "
            "text of the domain."
        ),
        "caveats": [
            f"Tokens read: {read[GENERAL]:,} of general text by `{GENERAL}`, {read[DOMAIN]:,} of "
            f"the domain by `{DOMAIN}`. `{CONTINUED}` read {read[CONTINUED]:,} more of the domain "
            f"after those of `{GENERAL}`, so it was trained about twice as long.",
            "One training of each model: the spread over trainings of the biLM is not in the "
            "intervals.",
        ],
        "tasks": list(tasks),
        "features": list(names),
        "heads": list(heads),
        "seeds": list(seeds),
        "claims": [
            {
                "id": "domain-text-helps",
                "statement": "A biLM trained on text of the domain is better there than one of "
                "equal size that read equally many tokens of general text.",
                "source": "stated by `elmobench pretrain domain`",
                "left": DOMAIN,
                "right": GENERAL,
            },
            {
                "id": "continuing-helps",
                "statement": "A biLM of general text becomes better on the domain by training on "
                "its text.",
                "source": "Gururangan et al. 2020, for transformers",
                "left": CONTINUED,
                "right": GENERAL,
            },
        ],
        "models": models,
    }


def write_experiment(path: Path, experiment: Mapping[str, Any]) -> bool:
    """Write the experiment, unless there is a file, which may have been changed by hand.

    Returns:
        Whether it was written.
    """
    if path.exists():
        return False
    write_text(path, yaml.safe_dump(dict(experiment), sort_keys=False, allow_unicode=True))
    return True
