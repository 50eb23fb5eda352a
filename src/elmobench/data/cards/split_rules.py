"""Rules that divide examples into train, dev and test for sets without official splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from elmobench.core.strict_model import StrictModel

Share = Annotated[float, Field(gt=0, lt=1)]


class HashSplit(StrictModel):
    """A split for a set without an official one: by SHA-256 of ``salt`` + the example's text.

    It does not look at labels, does not depend on order, and puts equal texts in one split.
    """

    by: Literal["hash"]
    """Always ``hash``."""
    salt: str
    """Another salt gives another division."""
    dev: Share = 0.1
    """The share of the examples that becomes dev."""
    test: Share = 0.1
    """The share of the examples that becomes test."""

    @model_validator(mode="after")
    def _leaves_train(self) -> HashSplit:
        if self.dev + self.test >= 1:
            raise ValueError("dev and test leave nothing for train")
        return self


class HeldOutSplit(StrictModel):
    """A part of the training examples that becomes dev, test or both, where a set lacks them.

    ``by: hash`` divides by SHA-256 of ``salt`` and the example's text, as :class:`HashSplit` does;
    ``by: group`` by that of all texts of the example's group, which stays together: a document, an
    article, or the value of the reader's column ``group``.

    >>> HeldOutSplit.model_validate({"dev": 0.1, "from": "train", "by": "hash"}).made
    ('dev',)
    """

    model_config = ConfigDict(serialize_by_alias=True)

    from_: Literal["train"] = Field(alias="from")
    """The split that examples are taken from; the rest of it stays train."""
    by: Literal["hash", "group"]
    """``hash``: each distinct text on its own. ``group``: whole documents."""
    dev: Share | None = None
    """The share of the examples that becomes dev."""
    test: Share | None = None
    """The share of the examples that becomes test."""
    salt: str = ""
    """Another salt gives another division."""

    @model_validator(mode="after")
    def _divides(self) -> HeldOutSplit:
        if not self.made:
            raise ValueError("state the share of dev, of test, or of both")
        if (self.dev or 0) + (self.test or 0) >= 1:
            raise ValueError("dev and test leave nothing for train")
        return self

    @property
    def made(self) -> tuple[str, ...]:
        """The splits that this rule makes."""
        return tuple(name for name in ("dev", "test") if getattr(self, name) is not None)

    def split_of(self, fraction: float) -> str:
        """The split of what is at ``fraction`` in [0, 1)."""
        test = self.test or 0
        if fraction < test:
            return "test"
        return "dev" if fraction < test + (self.dev or 0) else "train"

    @property
    def statement(self) -> str:
        """The rule in words, for people."""
        shares = " and ".join(f"{getattr(self, name):.4g} ({name})" for name in self.made)
        unit = "their texts" if self.by == "hash" else "whole documents"
        return f"{shares} of the examples of train, by a hash of {unit}"
