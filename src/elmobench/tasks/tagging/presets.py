"""Presets of the taggers: NER and chunking share theirs, and parts of speech have a linear one."""

from __future__ import annotations

from elmobench.data.examples import TaggedSentence
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions
from elmobench.tasks.majority import MajorityHead, majority_preset
from elmobench.tasks.probe_grid import PROBE_GRID
from elmobench.tasks.tagging.linear import LinearTagger, LinearTaggerOptions
from elmobench.tasks.tagging.lstm import LstmTagger, LstmTaggerOptions
from elmobench.tasks.tagging.pipeline import POS
from elmobench.tasks.tagging.softmax import SoftmaxTagger, SoftmaxTaggerOptions

LINEAR = HeadPreset(
    head=LinearTagger,
    options=LinearTaggerOptions(),
    training=TrainingOptions(
        batch_size=32,
        epochs=15,
        patience=3,
        grid=PROBE_GRID,
    ),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


SMALL = HeadPreset(
    head=LstmTagger,
    options=LstmTaggerOptions(layers=1, hidden=100, char_filters=64, dropout=0.3),
    # F1 can stay at zero for the first epochs: more patience than a classifier needs.
    training=TrainingOptions(batch_size=32, epochs=15, patience=5),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0),
    version=1,
)


# Source: AllenNLP 0.9, training_config/ner.jsonnet and ner_elmo.jsonnet (trainable GloVe over
# lower-cased tokens; ELMo has no dropout of its own; the tagger's 0.5 applies to GloVe, ELMo and
# the character CNN alike). Transition scores start Xavier-normal and character embeddings
# Xavier-uniform, as AllenNLP's modules do; everything else starts as torch draws it.
# Equal to allennlp-models' CrfTagger weight for weight (`elmobench reference heads crf-tagger`),
# except for words of one or two characters: the character CNN reads zero vectors after them, as in
# AllenNLP 0.9, where AllenNLP 2 gives them zeros. AllenNLP 0.9 also reads zero vectors up to the
# longest word of the batch, so that a word's vector depends on the batch; here they are ignored,
# as in AllenNLP 2.
PAPER = HeadPreset(
    head=LstmTagger,
    options=LstmTaggerOptions(reduction="sum", initialization="allennlp"),
    training=TrainingOptions(batch_size=64, epochs=75, patience=25),
    mix=MixDefaults(
        dropout=0.0,
        static_dropout=0.0,
        l2=0.1,
        trainable_lowercase=True,
        trainable_unknown="normal",
    ),
    version=3,
)


SOFTMAX = HeadPreset(
    head=SoftmaxTagger,
    options=SoftmaxTaggerOptions(),
    training=LINEAR.training,
    mix=LINEAR.mix,
    version=1,
)


POS_LINEAR = HeadPreset(
    head=SoftmaxTagger,
    options=SoftmaxTaggerOptions(),
    training=TrainingOptions(batch_size=80, epochs=50, patience=3, clip_norm=None, grid=PROBE_GRID),
    mix=MixDefaults(dropout=0.0, static_dropout=0.0, standardize=True),
    version=1,
)


class MajorityTagger(MajorityHead[TaggedSentence]):
    """The most frequent tag of each word. Of BIO tags, an I without a B begins a span.

    That is how conlleval reads them. All pipelines of taggers have the same items.
    """

    pipeline = POS


MAJORITY = majority_preset(MajorityTagger)
