"""From a path to its vectors: which form, and one source a process for each state of a file."""

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
    """The vectors at ``path``; only the start of the file is read here.

    A file that has been opened before in this process, and is still the same, keeps the vectors
    that were read of it.

    Args:
        path: plain, gzipped or zipped.
        format: ``auto`` finds it out; ``glove`` and ``word2vec`` are text.
        member: of a zip with several files.
        duplicates: whether a word that stands twice is an ``error``, or its ``first`` row holds.

    Raises:
        ModelError: naming the file: absent, damaged, of another form than ``format`` says; a
            member that is missing or has to be chosen.
        ConfigError: ``duplicates`` for a form that cannot have them.
    """
    try:
        state = file_state(path)
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error}", where=str(path), fix="fetch the file again"
        ) from error
    # Absolute, since it is read later, wherever the process is by then.
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
                "a fastText model has no duplicates",
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
