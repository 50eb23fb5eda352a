"""Division of examples into splits by hashes of their content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError
from elmobench.data.cards.card import SPLITS
from elmobench.data.cards.sources import split_of_text, text_fraction
from elmobench.data.cards.split_rules import HashSplit, HeldOutSplit


def divide(rule: HashSplit, examples: Sequence[Any]) -> dict[str, list[Any]]:
    """Train, dev and test by the hash of each example's text, in the order of the data."""
    result: dict[str, list[Any]] = {name: [] for name in SPLITS}
    for example in examples:
        result[split_of_text(rule, " ".join(example.tokens))].append(example)
    return result


def hold_out(
    rule: HeldOutSplit,
    examples: Sequence[Any],
    tokens_of: Callable[[Any], Sequence[str]],
    group_of: Callable[[Any], str],
    where: str,
) -> dict[str, list[Any]]:
    """Train and the splits that ``rule`` makes of the examples, each in the order of the data.

    The split of an example does not depend on the order of the data, on labels or on ids: by its
    text, or by the texts of all examples of its group.

    Args:
        rule: the shares.
        examples: those of train.
        tokens_of: the text of an example.
        group_of: the name of its group; examples with equal names are one group.
        where: the card, for errors.

    Raises:
        ConfigError: ``by: group``, and no two examples are in one group; or a split is empty.
    """
    texts = [" ".join(tokens_of(example)) for example in examples]
    if rule.by == "hash":
        fractions = [text_fraction(rule.salt, text) for text in texts]
    else:
        groups = [group_of(example) for example in examples]
        members: defaultdict[str, list[str]] = defaultdict(list)
        for group, text in zip(groups, texts, strict=True):
            members[group].append(text)
        if len(members) == len(texts) > 1:
            raise ConfigError(
                "split: 'by: group', but the data state no documents or groups",
                where=where,
                fix="use 'by: hash', or state the reader's option 'group' (tables), or 'docstart' "
                "or 'comment' (columns)",
            )
        # Equal groups are in one split, as equal texts are.
        of_group = {
            name: text_fraction(rule.salt, digest_of(sorted(group)))
            for name, group in members.items()
        }
        fractions = [of_group[group] for group in groups]
    result: dict[str, list[Any]] = {name: [] for name in ("train", *rule.made)}
    for example, fraction in zip(examples, fractions, strict=True):
        result[rule.split_of(fraction)].append(example)
    for name, part in result.items():
        if not part and examples:
            units = "texts" if rule.by == "hash" else "groups"
            raise ConfigError(
                f"split: {name} would have no examples: there are only "
                f"{len(set(fractions))} different {units}",
                where=where,
                fix="state a larger share, another salt, or files for this split",
            )
    return result
