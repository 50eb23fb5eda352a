"""The files of a card, the readers that it gives them, and what determines their examples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.file_lists import single_files
from elmobench.data.cards.folds import fold_lists
from elmobench.data.cards.source_kinds import Component, GenerateSource
from elmobench.data.cards.sources import FileSource, source_digest
from elmobench.data.controls.base import GENERATORS
from elmobench.data.readers.base import READERS


def place_of(card: TaskCard) -> str:
    """What errors call the card: its file, or its id."""
    return str(card.file or f"card {card.id}")


def path_in_card(file: Path, folder: Path) -> str:
    """How a card in ``folder`` names ``file``: relative to the folder, links resolved.

    Raises:
        ConfigError: the name is not UTF-8, which YAML cannot hold.
    """
    relative = Path(os.path.relpath(os.path.realpath(file), os.path.realpath(folder))).as_posix()
    try:
        relative.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"the file's name is not UTF-8: {relative!r}", fix="rename the file or its folder"
        ) from error
    return relative


def sources_of_split(card: TaskCard, split: str) -> list[FileSource | GenerateSource]:
    """The sources of a split, with file lists expanded to their files."""
    result: list[FileSource | GenerateSource] = []
    for source in card.splits[split]:  # type: ignore[index]
        if isinstance(source, GenerateSource):
            result.append(source)
        else:
            result += single_files(card, source)
    return result


def companions_of(card: TaskCard, source: FileSource) -> dict[str, list[FileSource]]:
    """The additional files that a source's reader needs, by role."""
    return {
        role: [file for other in others for file in single_files(card, other)]
        for role, others in source.beside.items()
    }


def files_of(card: TaskCard) -> list[FileSource]:
    """Every file of the card, including the additional ones, each once."""
    result: list[FileSource] = []
    for split in card.splits:
        for source in sources_of_split(card, split):
            if not isinstance(source, GenerateSource):
                result.append(source)
                for others in companions_of(card, source).values():
                    result += others
    result += fold_lists(card)
    # One file may accompany several others.
    return list({repr(source): source for source in result}.values())


def reader_of(card: TaskCard, source: FileSource) -> tuple[Any, Any]:
    """The reader of a source, and its options.

    Raises:
        ConfigError: the card gives the source no reader, or wrong options.
    """
    component = card.reader
    if source.reader is not None:
        component = Component(name=source.reader)
    if component is None:
        raise ConfigError("field 'reader' is missing", where=place_of(card))
    reader = READERS.get(component.name)
    return reader, reader.options({**component.options, **source.options}, place_of(card))


def source_identity(
    card: TaskCard, source: FileSource | GenerateSource, trust_first: bool
) -> dict[str, Any]:
    """Everything that determines the examples of a source."""
    if isinstance(source, GenerateSource):
        generator = GENERATORS.get(source.generate.name)
        options = validated(generator.options_type, source.generate.options, place_of(card))
        return {
            "generator": generator.name,
            "version": generator.version,
            "options": options.model_dump(mode="json", exclude_defaults=True),
        }
    reader, options = reader_of(card, source)
    identity = {
        **file_identity(card, source, trust_first),
        "reader": reader.name,
        "version": reader.version,
        "options": options.model_dump(mode="json", exclude_defaults=True),
    }
    others_used = reader.uses(options)
    if others_used:
        identity["readers"] = others_used
    if source.drop is not None:
        identity["drop"] = sorted(set(source.drop))
    beside = companions_of(card, source)
    if beside:
        identity["beside"] = {
            role: [file_identity(card, other, trust_first) for other in others]
            for role, others in beside.items()
        }
    return identity


def file_identity(card: TaskCard, source: FileSource, trust_first: bool) -> dict[str, Any]:
    """Everything that determines the text of a file."""
    identity = {
        "digest": source_digest(card, source, trust_first),
        "member": source.member,
        "lines": source.lines,
    }
    # Absent where a card does not state it, so that identities are those of earlier versions.
    return identity if source.encoding is None else {**identity, "encoding": source.encoding}
