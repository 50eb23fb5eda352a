"""What has been published about a head: every layer and hyper-parameter, with its source.

There is one file per published head, ``tasks/<family>/published/<pipeline>-<preset>.yaml``. Our own
values are not in it: a row names an option of the preset, whose value is read when the two are
compared (:mod:`elmobench.analysis.tables.fidelity`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from elmobench.core.errors import UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml

_FOLDER = Path(__file__).parent


class PublishedSource(StrictModel):
    """A file or section in which values were published."""

    title: str
    """What it is, for instance ``AllenNLP 0.9, training_config/ner_elmo.jsonnet``."""
    address: str | None = None
    """Address of the version whose values are listed."""
    seen: bool = True
    """Whether the text itself was read; false if its values are known at second hand only."""


class PublishedRow(StrictModel):
    """One property of a head: what was published, and where it is in ours.

    A row is of one of two kinds. With ``option`` it is about an option of the preset, whose value
    is compared with ``published``. Without, it is about what is in the code: ``ours`` describes
    it where it differs, and without ``ours`` it is the same.
    """

    what: str
    """The property, in plain words."""
    published: Any = None
    """The published value, in the form of our option; null for none. A sentence where there is no
    such form, or where nothing was published.
    """
    source: str
    """A key of ``sources``, or such a key, a colon and the place in it."""
    option: str | None = None
    """Path of our option (``options.hidden``, ``training.lr``, ``mix.dropout``)."""
    ours: str | None = None
    """What is in our code, where it is not an option and differs."""
    reason: str | None = None
    """Why ours differs; exactly where it does."""
    baseline: Any = None
    """The published value without ELMo, where it differs from ``published``."""
    baseline_ours: str | None = None
    """What our baseline has, for a row without ``option`` that has a ``baseline``; left out where
    it is the same.
    """
    baseline_reason: str | None = None
    """Why our baseline differs from the published one; exactly where it does."""

    @property
    def source_key(self) -> str:
        """The key of the source."""
        return self.source.partition(":")[0].strip()

    @property
    def place(self) -> str:
        """The place in the source; empty if none is given."""
        return self.source.partition(":")[2].strip()

    @property
    def has_baseline(self) -> bool:
        """Whether the published baseline has a value of its own, which may be null."""
        return "baseline" in self.model_fields_set

    @model_validator(mode="after")
    def _consistent(self) -> PublishedRow:
        if "published" not in self.model_fields_set:
            raise ValueError("published: state a value, or null for none")
        if self.option is None:
            _require_together(ours=self.ours, reason=self.reason)
            _require_together(
                baseline_ours=self.baseline_ours, baseline_reason=self.baseline_reason
            )
        elif self.ours is not None or self.baseline_ours is not None:
            raise ValueError("the value of an option is read from the preset: leave out 'ours'")
        return self


def _require_together(**values: str | None) -> None:
    """Raise ValueError if one of two values is given without the other."""
    given = [name for name, value in values.items() if value is not None]
    if len(given) == 1:
        raise ValueError(f"{' and '.join(values)} belong together: {given[0]} alone is given")


class UnusedOptions(StrictModel):
    """Options of the preset that have no effect on this head."""

    options: tuple[str, ...] = Field(min_length=1)
    """Paths of the options."""
    why: str
    """Why they have none."""


class PublishedBaseline(StrictModel):
    """The published system without ELMo, and the cells that are ours."""

    source: str
    """A key of ``sources``."""
    experiment: str
    """Shipped experiment with our baseline, whose overrides apply."""
    features: str
    """The baseline's features spec in that experiment."""
    notes: str = ""
    """What a reader should know of it, in whole sentences."""


class Check(StrictModel):
    """How the head's computation is held against another implementation."""

    against: str
    """The other implementation."""
    command: str
    """The command that compares them."""


class PublishedValues(StrictModel):
    """Everything published about one head, and how ours is held against it."""

    head: str
    """Our preset, as registered (``ner/paper``)."""
    follows: str
    """The publication that the preset follows, in a sentence."""
    also: dict[str, str] = Field(default_factory=dict)
    """Other presets that are the same head with the same options, each with a sentence on what it
    has to do with the publication.
    """
    checks: tuple[Check, ...] = ()
    """How its computation is held against another implementation, apart from
    ``elmobench reference heads``, which says itself what it compares.
    """
    sources: dict[str, PublishedSource]
    """Sources by a short key, which rows name."""
    baseline: PublishedBaseline | None = None
    """The system without ELMo; None if none was published."""
    rows: dict[str, tuple[PublishedRow, ...]]
    """Rows by heading: input, layers, dropout, initial weights, training."""
    unused: tuple[UnusedOptions, ...] = ()
    """Options of the preset without effect."""

    @property
    def all_rows(self) -> Iterator[PublishedRow]:
        """The rows of all headings, in order."""
        for rows in self.rows.values():
            yield from rows

    @model_validator(mode="after")
    def _known_sources(self) -> PublishedValues:
        named = {row.source_key: row.what for row in self.all_rows}
        if self.baseline is not None:
            named[self.baseline.source] = "baseline"
        for key, what in named.items():
            if key not in self.sources:
                raise ValueError(f"{what}: there is no source {key!r} in sources")
        if self.baseline is None and any(row.has_baseline for row in self.all_rows):
            raise ValueError("rows have a baseline, and 'baseline' does not describe it")
        return self


@cache
def published_values() -> dict[str, PublishedValues]:
    """All published heads by preset, in alphabetical order.

    Raises:
        ConfigError: a file is not valid; names the file and the field.
    """
    heads = {}
    for path in sorted(_FOLDER.glob("*/published/*.yaml")):
        head = validated(PublishedValues, read_yaml(path), str(path))
        heads[head.head] = head
    return dict(sorted(heads.items()))


def published_values_of(name: str) -> PublishedValues:
    """What has been published about the preset ``name``, or about the preset that it repeats.

    >>> published_values_of("chunking/paper").head
    'ner/paper'

    Raises:
        UnknownNameError: the preset follows no publication.
    """
    heads = published_values()
    for head in heads.values():
        if name == head.head or name in head.also:
            return head
    names = {name for head in heads.values() for name in (head.head, *head.also)}
    raise UnknownNameError(
        f"{name!r} is not a head that follows a publication", fix=did_you_mean(name, names)
    )
