"""The findings that an experiment states before its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from elmobench.core.strict_model import StrictModel


class DeclaredClaim(StrictModel):
    """A finding that an experiment expects, for ``elmobench claims``."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Its name."""
    statement: str = Field(min_length=1)
    """The finding in one sentence."""
    source: str = "stated in the experiment"
    """Where it was published."""
    left: str
    """The value that is expected to be better: features, or the value of an axis."""
    right: str
    """The value that it is compared with."""
    by: str = "features"
    """``features`` or an axis, such as ``mix``."""
    expects: Literal["better", "tie", "not worse"] = "better"
    """The verdict on ``left`` that supports the claim, wherever both were run."""
    tasks: tuple[str, ...] = ()
    """The tasks that it is about; all of the experiment if none is named."""
    optional: bool = False
    """Whether it may compare what the experiment does not run, which is an error otherwise; it is
    left out then. True for the claims of an experiment that another one extends.
    """


def check_claims(
    claims: Sequence[DeclaredClaim],
    tasks: Sequence[str],
    features: Sequence[str],
    axes: Sequence[str],
) -> None:
    """Raise ValueError if two claims have the same id, or one compares what does not run.

    Values of axes are not looked for, since overrides may add them.

    Args:
        claims: of an experiment.
        tasks, features: of the experiment.
        axes: names of all axes.
    """
    names = [claim.id for claim in claims]
    if len(set(names)) < len(names):
        raise ValueError("two claims have the same id")
    for claim in claims:
        where = f"claim {claim.id}"
        if claim.by not in ("features", *axes):
            raise ValueError(
                f"{where}: by is features or an axis, not {claim.by!r}; axes are {', '.join(axes)}"
            )
        if claim.optional:
            continue
        for task in claim.tasks:
            if task not in tasks:
                raise ValueError(f"{where}: {task!r} is not among the tasks")
        for value in (claim.left, claim.right):
            if claim.by == "features" and value not in features:
                raise ValueError(
                    f"{where}: {value!r} is not among the features {', '.join(features)}"
                )
