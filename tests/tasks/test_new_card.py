"""Card templates: an error while fields are empty, a task once they are filled in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError, UnfinishedError, UnknownNameError
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.catalog import load_card
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.data.readers import READERS
from elmobench.metrics.base import METRICS
from elmobench.tasks.base import Pipeline
from elmobench.tasks.new_card import card_text
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.task import Task

FILLED = {
    "title:": "title: Mine",
    "description:": "description: My own.",
    "language:": "language: en",
    "licence:": "licence: internal",
    "redistributable:": "redistributable: no",
    "citation:": "citation: none",
}
FILES = {
    "sentiment": "text\tlabel\na fine film\tgood\n",
    "ner": "Ann B-PER\nsleeps O\n",
    "chunking": "Ann NNP B-NP\nsleeps VBZ B-VP\n",
    "pos": "1\tAnn\tAnn\tPROPN\n2\tsleeps\tsleep\tVERB\n",
    "nli": "premise\thypothesis\tlabel\nAnn sleeps\tNobody sleeps\tcontradiction\n",
}


def filled(text: str) -> str:
    lines = []
    for line in text.splitlines():
        complete = next((v for k, v in FILLED.items() if re.fullmatch(rf"{k}( +#.*)?", line)), line)
        lines.append(re.sub(r"\bpath: (?=[,}])", "path: data", complete))
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("pipeline", PIPELINES.names())
def test_a_template_is_yaml_and_its_empty_fields_are_named(pipeline: str, tmp_path: Path) -> None:
    text = card_text("mine", pipeline)
    assert parse_yaml(text, "card")["pipeline"] == pipeline
    assert max(map(len, text.splitlines())) <= 100
    with pytest.raises(ConfigError) as error:
        load_card(write(tmp_path, text))
    message = str(error.value)
    assert "mine.yaml, lines 8, 9, 10, " in message
    assert ": nothing is filled in at title, description, language" in message
    assert "splits.train[0].path" in message
    for field in ("licence", "redistributable", "citation"):
        assert field in message


@pytest.mark.parametrize("pipeline", sorted(FILES))
def test_a_filled_in_template_is_a_task(pipeline: str, tmp_path: Path) -> None:
    path = write(tmp_path, filled(card_text("mine", pipeline)))
    (tmp_path / "data").write_text(FILES[pipeline])
    task = Task(load_card(path))
    (example,) = task.split("train")
    kind: Pipeline = PIPELINES.get(pipeline)
    kind.codec([example], task.labels)
    gold = [kind.gold(example)]
    assert METRICS.get(task.card.metric).compute(gold, gold).score == 100


@pytest.mark.parametrize("pipeline", sorted(FILES))
def test_every_reader_and_metric_of_a_pipeline(pipeline: str, tmp_path: Path) -> None:
    kind = PIPELINES.get(pipeline)
    assert kind.readers
    assert set(kind.metrics) <= set(METRICS.names())
    for reader in kind.readers:
        text = card_text("mine", pipeline, reader)
        card = load_card(write(tmp_path, filled(text)))
        assert card.reader is not None
        assert card.reader.name == reader
        # The initial options are sufficient, and all others are listed as comments.
        READERS.get(reader).options(card.reader.options, "card")
        for name in READERS.get(reader).options_type.model_fields:
            assert re.search(rf"^    (# )?{name}:", text, re.MULTILINE), name


def test_a_required_option_without_a_usual_value_is_empty(tmp_path: Path) -> None:
    text = card_text("mine", "sentiment", "conll-columns")
    assert re.search(r"^    scheme:$", text, re.MULTILINE)
    path = write(tmp_path, filled(text))
    line = 1 + path.read_text().splitlines().index("    scheme:")
    with pytest.raises(UnfinishedError, match=rf", line {line}: .* at reader\.options\.scheme\n"):
        load_card(path)


def test_options_are_explained() -> None:
    text = card_text("mine", "ner")
    assert "# Column of the tag.\n    tag: 1\n" in text
    assert "One of: bio, iob1, bioul, bioes, bmewo, io, none." in re.sub(r"\s+# ", " ", text)
    assert "``" not in text


def test_invalid_names() -> None:
    with pytest.raises(UnknownNameError, match="unknown pipeline 'nre'"):
        card_text("mine", "nre")
    with pytest.raises(UnknownNameError, match="unknown reader"):
        card_text("mine", "ner", "conl")
    for name in ("ner/mine", "Mine", "", "my set"):
        with pytest.raises(ConfigError, match="cannot be the name"):
            card_text(name, "ner")


def test_the_published_data_set_and_the_corpus(tmp_path: Path) -> None:
    plain = card_text("mine", "srl")
    assert "# One of: conll2005-srl, ontonotes5-srl.\n# same_as:\n" in plain
    assert "\n# corpus: srl/mine\n" in plain
    assert "# None is known for this pipeline.\n# same_as:\n" in card_text("mine", "chunking")
    marked = card_text("mine", "srl", same_as="ontonotes5-srl")
    assert "\nsame_as: ontonotes5-srl\n" in marked
    assert "corpus" not in marked
    assert max(map(len, marked.splitlines())) <= 100
    # Uncommented lines are fields of a card.
    path = write(tmp_path, filled(plain.replace("# same_as:", "same_as: ontonotes5-srl")))
    assert load_card(path).same_as == "ontonotes5-srl"
    path = write(tmp_path, filled(plain.replace("# corpus: srl/mine", "corpus: ontonotes5")))
    assert load_card(path).corpus_name == "ontonotes5"


@pytest.mark.parametrize("same_as", PUBLISHED_DATASETS)
def test_a_template_of_each_published_data_set_is_a_card(same_as: str, tmp_path: Path) -> None:
    dataset = PUBLISHED_DATASETS[same_as]
    text = filled(card_text("mine", dataset.pipeline, same_as=same_as))
    card = load_card(write(tmp_path, text))
    assert (card.same_as, card.metric) == (same_as, dataset.metric)
    assert card.corpus_name == dataset.corpus


def test_wrong_published_data_sets() -> None:
    with pytest.raises(UnknownNameError, match="no published data set 'onto'"):
        card_text("mine", "srl", same_as="onto")
    with pytest.raises(ConfigError, match="snli is of the pipeline nli, not of srl") as error:
        card_text("mine", "srl", same_as="snli")
    assert "--pipeline nli" in str(error.value)
