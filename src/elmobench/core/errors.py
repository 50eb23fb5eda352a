"""Errors shown to users: what is wrong, where, and what to do about it."""

from __future__ import annotations

import traceback

from elmobench.core.debugging import tracebacks_wanted

LONGEST_MESSAGE = 4_000
"""Characters of a message that are shown; a damaged file can put a megabyte into a name."""


class ElmobenchError(Exception):
    """Base of every error that this package raises on purpose.

    The command line and notebooks show it without a traceback, unless ``ELMOBENCH_DEBUG`` is set.

    Args:
        what: what is wrong, in one sentence.
        where: file, line, example or setting it concerns.
        fix: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = what = _shortened(what)
        self.where = where
        self.fix = fix = None if fix is None else _shortened(fix)
        text = what if where is None else f"{where}: {what}"
        super().__init__(text if fix is None else f"{text}\n  -> {fix}")

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython and notebooks show of an error that nothing caught."""
        if tracebacks_wanted():
            return "".join(traceback.format_exception(self)).splitlines()
        return [f"{type(self).__name__}: {self}"]


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = LONGEST_MESSAGE // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} … ({left_out:,} characters) … {text[-half:]}"


class ConfigError(ElmobenchError):
    """A card, an experiment or an option is wrong."""


class UnfinishedError(ConfigError):
    """A file has fields that are still to be filled in.

    Attributes:
        fields: their paths, such as ``splits.train[0].path``.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.fields = fields


class DataError(ElmobenchError):
    """A dataset's bytes are not what its reader or its card expects.

    Args:
        what, where, fix: as for every error.
        kind: the kind of problem, for problems of single examples that a card may state in
            ``drop:`` (:data:`elmobench.data.problems.KINDS`).
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.kind = kind


class UndefinedScoreError(DataError):
    """A metric has no score for examples that are right in form, such as a correlation of none."""


class DigestError(DataError):
    """A file's content is not the content that was pinned."""


class DownloadError(ElmobenchError):
    """A file could not be fetched."""


class ModelError(ElmobenchError):
    """A model's files are missing, damaged or contradict each other."""


class StoreError(ElmobenchError):
    """The feature store could not be written or read."""


class UnknownNameError(ConfigError):
    """A name that is in no registry, catalog or folder."""


class ElmobenchWarning(UserWarning):
    """A caveat that does not stop the work but that users should see."""
