"""The card of a pre-trained model: facts for people and programs, stored with its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError
from elmobench.core.files import write_text
from elmobench.core.registry import did_you_mean
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.versions import library_versions
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.source_kinds import Sha256
from elmobench.features.arithmetic import device_versions
from elmobench.features.catalog.sealed_text import read_sealed_text, seal_text
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.overlap import Overlap
from elmobench.pretraining.writing import STARTS_AGAIN, writing
from elmobench.tracking.host import host_info

CARD, README, CATALOG = "model_card.yaml", "README.md", "models.yaml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Names that a catalog may have."""
_FIX = "run the training again, which writes the card again"


def _counts_the_model(parameters: dict[str, int]) -> dict[str, int]:
    if "model" not in parameters:
        raise ValueError("the number of weights of the model is missing")
    return parameters


class CardFile(StrictModel):
    """Name, digest and size of a file of the training text."""

    name: str
    sha256: Sha256
    bytes: int = Field(ge=0)


class OverlapRow(StrictModel):
    """How much of an evaluation set is in the training text; see :class:`Overlap`."""

    task: str
    split: str
    runs: int
    runs_found: int
    sentences: int
    sentences_found: int


class CorpusFacts(StrictModel):
    """The text that a model was trained on.

    Attributes:
        files: names, digests and sizes.
        tokenizer: None for text that was tokenised already.
        train_sentences, train_tokens, heldout_tokens: sizes of the parts.
        word_types: number of distinct words, with the three special ones.
        heldout_is_train: whether the text was too short to hold anything out, so that the
            held-out measures are of the training text.
    """

    files: list[CardFile]
    tokenizer: str | None
    train_sentences: int
    train_tokens: int
    heldout_tokens: int
    word_types: int
    heldout_is_train: bool = False

    @classmethod
    def of(cls, corpus: Corpus, encoded: EncodedCorpus) -> CorpusFacts:
        """The facts of ``corpus``; files without their folders, which may be private."""
        return cls(
            files=[
                CardFile(name=file.path.name, sha256=file.sha256, bytes=file.bytes)
                for file in corpus.files
            ],
            tokenizer=corpus.tokenizer,
            train_sentences=len(encoded.train),
            train_tokens=len(encoded.train.tokens),
            heldout_tokens=len(encoded.heldout.tokens),
            word_types=encoded.word_types,
            heldout_is_train=encoded.heldout_is_train,
        )


class ModelCard(StrictModel):
    """The card of a trained model.

    Attributes:
        name: its name in the catalog.
        kind: ``bilm``, ``glove``, ``fasttext`` or ``bert``.
        description: one line.
        corpus: the training text.
        tokens_seen: tokens that training read, all epochs together.
        updates: times that the weights were changed; None in cards of earlier versions.
        parameters: numbers of weights, of the model in use and of what only training needed.
        heldout: measurements on held-out text, by name.
        seconds: training time.
        processor_seconds: processor time of the training steps, over all threads; None if it was
            not measured.
        hardware: facts about the machine that trained it.
        versions: versions of the libraries that trained it.
        options: all options of the training.
        licence: licence of the weights.
        attribution: attribution for the text.
        precision: precision of the weights.
        overlap: overlap of the corpus with dev and test sets of task cards; None if it was not
            looked for.
        not_checked: cards whose data were not available for this.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    name: str
    kind: str
    description: str
    corpus: CorpusFacts
    tokens_seen: int
    updates: int | None = None
    parameters: Annotated[dict[str, int], AfterValidator(_counts_the_model)]
    heldout: dict[str, float]
    seconds: float
    processor_seconds: float | None = None
    hardware: dict[str, Any]
    versions: dict[str, str]
    options: dict[str, Any]
    licence: str
    attribution: str
    precision: Literal["single", "half"] = "single"
    overlap: list[OverlapRow] | None = None
    not_checked: list[str] = Field(default_factory=list)


def check_model_name(name: str, where: str | None = None) -> None:
    """Raise ConfigError if ``name`` cannot be the name of a model: of a folder and in a catalog."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a model",
            where=where,
            fix="use letters, digits, '.', '_' and '-', with a letter or digit first",
        )


def card_of(folder: Path | None) -> ModelCard | None:
    """The card of the model in ``folder``; None if there is no card.

    Raises:
        ConfigError: if the file is not a model card or is damaged.
    """
    if folder is None or not (folder / CARD).is_file():
        return None
    return read_card(folder / CARD)


def read_card(file: Path, name: str | None = None) -> ModelCard:
    """Read a model card.

    Args:
        file: a card, or with ``name`` a mapping of names to cards.
        name: of the card in the file.

    Raises:
        ConfigError: if the file is not a model card, is damaged, does not exist, or has no card of
            this name.
    """
    content = parse_yaml(read_sealed_text(file, fix=_FIX), str(file))
    if name is None:
        return validated(ModelCard, content, str(file))
    if not isinstance(content, dict) or name not in content:
        known = content if isinstance(content, dict) else ()
        raise ConfigError(
            f"no model card called {name!r}", where=str(file), fix=did_you_mean(name, known)
        )
    return validated(ModelCard, content[name], f"{file}: {name}")


def machine(threads: int, device: str = "cpu") -> dict[str, Any]:
    """The fields ``hardware`` and ``versions`` of a model trained on this machine.

    Args:
        threads: of torch.
        device: where it was trained; for a GPU its name, CUDA and cuDNN are added.
    """
    gpu = device_versions(device)
    return {"hardware": {**host_info(threads), **gpu}, "versions": library_versions()}


def overlap_rows(rows: list[Overlap]) -> list[OverlapRow]:
    """Rows of :class:`Overlap` in the form of the card's field ``overlap``."""
    return [OverlapRow(**asdict(row)) for row in rows]


def catalog_entry(
    folder: Path,
    card: ModelCard,
    *,
    provider: str,
    files: Mapping[str, str],
    dim: int | None,
    layers: int | None,
) -> dict[str, Any]:
    """The entry of a ``models.yaml`` for the model in ``folder``, with the digests of its files.

    Args:
        folder: where the weights are.
        card: its card.
        provider: feature provider that reads the weights.
        files: role to file name, relative to ``folder``.
        dim: values per vector and layer.
        layers: number of layers.
    """
    return {
        "provider": provider,
        "description": card.description,
        "licence": card.licence,
        "trained_on": ", ".join(file.name for file in card.corpus.files),
        "expect": {"parameters": card.parameters["model"], "dim": dim, "layers": layers},
        "files": {
            role: {"path": name, "sha256": file_sha256(folder / name)}
            for role, name in files.items()
        },
    }


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card and a README made from it into ``folder``."""
    facts = card.model_dump(mode="json")
    text = seal_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))
    with writing(folder, fix=STARTS_AGAIN):
        write_text(folder / CARD, text)
        write_text(folder / README, _readme(card))


def write_catalog(folder: Path, entries: Mapping[str, Any]) -> None:
    """Write ``models.yaml``, which makes ``folder`` a folder of ``ELMOBENCH_MODELS``."""
    content = {"models": dict(entries)}
    text = seal_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    with writing(folder / CATALOG, fix=STARTS_AGAIN):
        write_text(folder / CATALOG, text)


def _readme(card: ModelCard) -> str:
    corpus = card.corpus
    # GloVe holds out co-occurrences, so some of them always are.
    is_train = corpus.heldout_is_train and card.kind != "glove"
    measured_on = "training-text" if is_train else "held-out"
    lines = [
        f"# {card.name}",
        "",
        card.description,
        "",
        "| | |",
        "|---|---|",
        f"| kind | {card.kind} |",
        *(
            f"| parameters, {what} | {number:,} |"
            for what, number in sorted(card.parameters.items())
        ),
        f"| precision of the weights | {card.precision} |",
        *(
            f"| {measured_on} {what} | {value:.2f} |"
            for what, value in sorted(card.heldout.items())
        ),
        f"| tokens of training text | {corpus.train_tokens:,} |",
        f"| tokens read in training | {card.tokens_seen:,} |",
        *([] if card.updates is None else [f"| updates of the weights | {card.updates:,} |"]),
        f"| training time | {card.seconds / 3600:.2f} h on {card.hardware.get('processor')}, "
        f"{card.hardware.get('threads')} threads |",
        *(
            []
            if card.processor_seconds is None
            else [f"| processor time of the training | {card.processor_seconds / 3600:.2f} h |"]
        ),
        f"| licence | {card.licence} |",
        "",
        "## Text",
        "",
        f"Tokeniser: {corpus.tokenizer or 'none, tokens as given'}. "
        + (
            "The text is too short to hold anything out: the held-out measures are of the training "
            "text."
            if corpus.heldout_is_train
            else f"Held out for measuring: {corpus.heldout_tokens:,} tokens."
        ),
        "",
        *(f"- `{f.name}`, {f.bytes:,} bytes, sha256 `{f.sha256}`" for f in corpus.files),
        "",
        f"Attribution: {card.attribution}",
        "",
        "## Overlap with evaluation sets",
        "",
    ]
    if card.overlap is None:
        lines.append("Not looked for.")
    elif card.overlap:
        lines += [
            "Sequences of eight words (runs) of each set that occur in the corpus, and sentences "
            "with such a run.",
            "",
            "| task | split | runs found | of | sentences found | of |",
            "|---|---|---|---|---|---|",
            *(
                f"| {r.task} | {r.split} | {r.runs_found:,} | {r.runs:,} "
                f"| {r.sentences_found:,} | {r.sentences:,} |"
                for r in card.overlap
            ),
        ]
        lines.append("")
    if card.not_checked:
        lines.append(f"Data not available, so not checked: {', '.join(card.not_checked)}.")
    return "\n".join(lines) + "\n"
