"""What a pre-trained model is made of: written beside its weights, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from elmobench.core.digests import file_sha256
from elmobench.core.files import write_text
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.overlap import Overlap
from elmobench.tracking.host import host_info, library_versions

CARD, README, CATALOGUE = "model_card.yaml", "README.md", "models.yaml"


class CorpusFacts(BaseModel):
    """The text that a model was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: list[dict[str, str | int]]
    tokenizer: str | None
    train_sentences: int
    train_tokens: int
    heldout_tokens: int
    word_types: int

    @classmethod
    def of(cls, corpus: Corpus, encoded: EncodedCorpus) -> CorpusFacts:
        """Facts of ``corpus``; files by name only, since folders are nobody's business."""
        return cls(
            files=[
                {"name": file.path.name, "sha256": file.sha256, "bytes": file.bytes}
                for file in corpus.files
            ],
            tokenizer=corpus.tokenizer,
            train_sentences=len(encoded.train),
            train_tokens=len(encoded.train.tokens),
            heldout_tokens=len(encoded.heldout.tokens),
            word_types=len(encoded.types),
        )


class ModelCard(BaseModel):
    """One trained model.

    Attributes:
        name: as the catalogue will call it.
        kind: ``bilm``, ``glove`` or ``bert``.
        description: one line.
        corpus: what it was trained on.
        tokens_seen: tokens that training read, all passes together.
        parameters: values of the model as it is used, and of what only training needed.
        heldout: measures on held-out text, by name.
        seconds: of training.
        hardware, versions: of the machine and the libraries that trained it.
        options: of the training, complete.
        licence: of the weights.
        attribution: whom the text is owed to.
        precision: of the weights.
        overlap: of the corpus with dev and test of task cards; None if it was not looked for.
        not_checked: cards whose data were not at hand for that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    description: str
    corpus: CorpusFacts
    tokens_seen: int
    parameters: dict[str, int]
    heldout: dict[str, float]
    seconds: float
    hardware: dict[str, Any]
    versions: dict[str, str]
    options: dict[str, Any]
    licence: str
    attribution: str
    precision: Literal["single", "half"] = "single"
    overlap: list[dict[str, str | int]] | None = None
    not_checked: list[str] = Field(default_factory=list)


def card_of(folder: Path | None) -> ModelCard | None:
    """The card of the model in ``folder``; None where there is none.

    Raises:
        ConfigError: if the file is no model card.
    """
    if folder is None or not (folder / CARD).is_file():
        return None
    return read_card(folder / CARD)


def read_card(file: Path) -> ModelCard:
    """The card that ``file`` is.

    Raises:
        ConfigError: if the file is no model card, or is not there.
    """
    return validated(ModelCard, read_yaml(file), str(file))


def machine(threads: int) -> dict[str, Any]:
    """The fields ``hardware`` and ``versions`` of a model trained here."""
    return {"hardware": host_info(threads), "versions": library_versions()}


def overlap_rows(rows: list[Overlap]) -> list[dict[str, str | int]]:
    """Rows of :class:`Overlap` as the card holds them."""
    return [asdict(row) for row in rows]


def catalogue_entry(
    folder: Path,
    card: ModelCard,
    provider: str,
    files: Mapping[str, str],
    dim: int | None,
    layers: int | None,
) -> dict[str, Any]:
    """The entry of a ``models.yaml`` for the model in ``folder``, with the files' digests.

    Args:
        folder: where the weights are.
        card: the facts.
        provider: that reads them.
        files: role to file name below ``folder``.
        dim, layers: shape of its vectors.
    """
    return {
        "provider": provider,
        "description": card.description,
        "licence": card.licence,
        "trained_on": ", ".join(str(file["name"]) for file in card.corpus.files),
        "expect": {"parameters": card.parameters["model"], "dim": dim, "layers": layers},
        "files": {
            role: {"path": name, "sha256": file_sha256(folder / name)}
            for role, name in files.items()
        },
    }


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card into ``folder``, and a README made from it."""
    facts = card.model_dump(mode="json")
    write_text(folder / CARD, yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))
    write_text(folder / README, _readme(card))


def write_catalogue(folder: Path, entries: Mapping[str, Any]) -> None:
    """Write ``models.yaml``: named in ``ELMOBENCH_MODELS``, ``folder`` gives these models."""
    content = {"models": dict(entries)}
    write_text(folder / CATALOGUE, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _readme(card: ModelCard) -> str:
    corpus = card.corpus
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
        *(f"| held-out {what} | {value:.2f} |" for what, value in sorted(card.heldout.items())),
        f"| tokens of training text | {corpus.train_tokens:,} |",
        f"| tokens read in training | {card.tokens_seen:,} |",
        f"| training time | {card.seconds / 3600:.2f} h on {card.hardware.get('processor')}, "
        f"{card.hardware.get('threads')} threads |",
        f"| licence | {card.licence} |",
        "",
        "## Text",
        "",
        f"Tokeniser: {corpus.tokenizer or 'none, tokens as given'}. Held out for measuring: "
        f"{corpus.heldout_tokens:,} tokens.",
        "",
        *(f"- `{f['name']}`, {f['bytes']:,} bytes, sha256 `{f['sha256']}`" for f in corpus.files),
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
            "Runs of eight words of a set that the corpus has, and sentences with such a run.",
            "",
            "| task | split | runs found | of | sentences found | of |",
            "|---|---|---|---|---|---|",
            *(
                f"| {r['task']} | {r['split']} | {r['runs_found']:,} | {r['runs']:,} "
                f"| {r['sentences_found']:,} | {r['sentences']:,} |"
                for r in card.overlap
            ),
        ]
        lines.append("")
    if card.not_checked:
        lines.append(f"Not at hand, so not checked: {', '.join(card.not_checked)}.")
    return "\n".join(lines) + "\n"
