"""Open vector files: detect the format; one source per process for each state of a file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.static.containers import file_state, vector_file
from elmobench.features.static.formats import HEAD_BYTES, Format, kind_of
from elmobench.features.static.source import Duplicates, VectorSource


def open_vectors(
    path: Path,
    format: Format = "auto",
    member: str | None = None,
    duplicates: Duplicates = "error",
) -> VectorSource:
    """Open the vectors at ``path``; only the start of the file is read.

    If the file has been opened before in this process and has not changed, the same source, with
    the vectors read so far, is returned.

    Args:
        path: a plain, gzipped or zipped file.
        format: ``auto`` to detect it; ``glove`` and ``word2vec`` are text.
        member: of a zip with several files.
        duplicates: whether a word in two rows is an ``error``, or its ``first`` row is used.

    Raises:
        ModelError: the file is missing, damaged or not in the given ``format``; or its member is
            missing or must be chosen. The message names the file.
        ConfigError: ``duplicates`` is set for a format that cannot have them.
    """
    try:
        state = file_state(path)
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error}", where=str(path), fix="fetch the file again"
        ) from error
    # Absolute, since it is read later, when the current folder may have changed.
    return _opened(path.absolute(), state, format, member, duplicates)


@lru_cache(maxsize=16)
def _opened(
    path: Path,
    state: tuple[int, int],
    format: Format,
    member: str | None,
    duplicates: Duplicates,
) -> VectorSource:
    file = vector_file(path, member)
    with file.open() as stream:
        head = stream.read(HEAD_BYTES)
    kind = kind_of(head, format, file.name)
    if kind == "fasttext":
        if duplicates != "error":
            raise ConfigError(
                "a fastText model cannot have duplicates",
                where=file.name,
                fix="leave the option duplicates out",
            )
        from elmobench.features.static.fasttext import FastTextSource

        return FastTextSource(file)
    if kind == "word2vec-binary":
        from elmobench.features.static.word2vec_binary import BinarySource

        return BinarySource(file, duplicates)
    from elmobench.features.static.text import TextSource

    return TextSource(file, kind, duplicates)
