"""Data sets on which scores have been published: the vocabulary of a card's ``same_as``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from elmobench.core.errors import ElmobenchWarning


@dataclass(frozen=True)
class PublishedDataset:
    """A data set as publications use it: its splits, its metric and what is scored.

    Attributes:
        id: the name that a card's ``same_as`` and published numbers use.
        title: the name that publications use.
        pipeline: pipeline of a card of these data.
        metric: registered metric of the published scores.
        test: which part of the data the published test scores are on.
        corpus: the corpus that the texts come from; see ``corpus`` of a card.
        test_examples: possible numbers of test examples; empty if they depend on how the data
            were prepared.
        reader_options: options of the pipeline's usual reader for the files as they are
            distributed, where they differ from those of a new card.
    """

    id: str
    title: str
    pipeline: str
    metric: str
    test: str
    corpus: str
    test_examples: tuple[int, ...] = ()
    reader_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def size_mismatch(self, examples: int) -> str | None:
        """How a test set of ``examples`` examples differs from the published one; None if not.

        >>> PUBLISHED_DATASETS["snli"].size_mismatch(300)
        'the test set has 300 examples, the published one 9,824'
        """
        if not self.test_examples or examples in self.test_examples:
            return None
        published = " or ".join(f"{size:,}" for size in self.test_examples)
        return f"the test set has {examples:,} examples, the published one {published}"


_DATASETS = (
    PublishedDataset(
        id="conll2003-ner",
        title="CoNLL-2003, English named entities",
        pipeline="ner",
        metric="span-f1",
        test="eng.testb; dev is eng.testa",
        corpus="conll2003",
        # Without and with the lines -DOCSTART- as sentences.
        test_examples=(3453, 3684),
        # Word, part of speech, chunk, entity; tags in the scheme of 2003, where B- only separates.
        reader_options={"tag": 3, "scheme": "iob1", "convert": "bio"},
    ),
    PublishedDataset(
        id="conll2005-srl",
        title="CoNLL-2005, semantic roles of the Wall Street Journal",
        pipeline="srl",
        metric="srl-f1",
        test="test.wsj, section 23; dev is section 24",
        corpus="penn-treebank",
    ),
    PublishedDataset(
        id="conll2012-coref",
        title="CoNLL-2012, English coreference of OntoNotes 5",
        pipeline="coref",
        metric="coref",
        test="the English test set of the CoNLL-2012 shared task",
        corpus="ontonotes5",
        test_examples=(348,),
    ),
    PublishedDataset(
        id="ontonotes5-srl",
        title="OntoNotes 5, semantic roles in the splits of CoNLL-2012",
        pipeline="srl",
        metric="srl-f1",
        test="the English test set of the CoNLL-2012 shared task",
        corpus="ontonotes5",
    ),
    PublishedDataset(
        id="ptb-pos",
        title="Penn Treebank, parts of speech of the Wall Street Journal",
        pipeline="pos",
        metric="token-accuracy",
        test="the test sections of the Wall Street Journal, usually 22 to 24",
        corpus="penn-treebank",
    ),
    PublishedDataset(
        id="semcor-raganato",
        title="SemCor to SE2, SE3, SE13 and SE15 of the unified evaluation framework",
        pipeline="wsd",
        metric="wsd-f1",
        test="Senseval-2, Senseval-3, SemEval-2013 and SemEval-2015; dev is SemEval-2007",
        corpus="semcor",
        test_examples=(973,),
    ),
    PublishedDataset(
        id="semcor-raganato-all",
        title="SemCor to ALL of the unified evaluation framework",
        pipeline="wsd",
        metric="wsd-f1",
        test="all five sets together; dev, SemEval-2007, is among them",
        corpus="semcor",
        test_examples=(1093,),
    ),
    PublishedDataset(
        id="snli",
        title="SNLI",
        pipeline="nli",
        metric="accuracy",
        test="the test set without pairs whose annotators did not agree",
        corpus="snli",
        test_examples=(9824,),
    ),
    PublishedDataset(
        id="squad-1.1",
        title="SQuAD 1.1",
        pipeline="qa",
        metric="squad",
        test="the official development set; the official test set is hidden",
        corpus="squad",
        test_examples=(10570,),
    ),
    PublishedDataset(
        id="sst5",
        title="SST-5, fine-grained Stanford Sentiment Treebank",
        pipeline="sentiment",
        metric="accuracy",
        test="the sentences of the test set, without their phrases",
        corpus="rotten-tomatoes",
        test_examples=(2210,),
    ),
)

PUBLISHED_DATASETS: Mapping[str, PublishedDataset] = MappingProxyType(
    {dataset.id: dataset for dataset in _DATASETS}
)
"""Every :class:`PublishedDataset` by its id.

>>> PUBLISHED_DATASETS["conll2003-ner"].metric
'span-f1'
"""


def warn_of_other_size(task: str, same_as: str, examples: int) -> None:
    """Warn if a test set is not of the published size.

    That is no error: the data can be used, but no score is compared with a published one.

    Args:
        task: id of the task's card.
        same_as: the published data set that the card names.
        examples: size of its test set.
    """
    mismatch = PUBLISHED_DATASETS[same_as].size_mismatch(examples)
    if mismatch is not None:
        text = f"{task} is not the published data set {same_as}: {mismatch}"
        warnings.warn(text, ElmobenchWarning, stacklevel=2)
