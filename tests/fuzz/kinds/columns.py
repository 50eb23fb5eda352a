"""Inputs of the readers of columns, roles, coreference, nested spans, trees and questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind

from elmobench.core.errors import DataError
from elmobench.core.parsing import read_bytes
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.column_detection import span_column_options
from elmobench.data.readers.conll_srl import PROPS
from elmobench.data.readers.propbank import ROLE
from elmobench.tasks.base import Pipeline
from elmobench.tasks.registries import PIPELINES

_NER = """\
-DOCSTART- -X- -X- O

# sent_id = s1
EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC
call NN I-NP O
. . O O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""

_CONLL_U = """\
# newdoc id = weblog-a
# sent_id = a-1
# text = Dogs don't bite.
1\tDogs\tdog\tNOUN\tNNS\t_\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tbite\tbite\tVERB\tVB\t_\t0\troot\t_\t_

"""

_SKELETON = """\
x/weblog/00/a.xml 0 0 [WORD] NNS (S* - - (ARG0*)
x/weblog/00/a.xml 0 1 [WORD] VBP * - - *
x/weblog/00/a.xml 0 2 [WORD] RB * - - (ARGM-NEG*)
x/weblog/00/a.xml 0 3 [WORD] VB *) bite bite.01 (V*)
"""

_COREFERENCE = """\
#begin document (nw/a); part 000
nw/a 0 0 Ann NNP * - - - Ann (1|(2)
nw/a 0 1 saw VBD * - - - Ann -
nw/a 0 2 Bob NNP * - - - Ann 1)

nw/a 0 0 She PRP * - - - - (2)

#end document
#begin document (nw/b)
nw/b 0 0 It PRP * - - - - (0)
#end document
"""

_ROLES = """\
#begin document (bc/x); part 000
bc/x 0 0 Dogs NNS (S* - - - A * (ARG0*) (ARG0* (1)
bc/x 0 1 run VBP * run 02 1 A * (V*) *) -
bc/x 0 2 bite VBP *) bite 01 - A * * (V*) -

#end document
"""

_WORDS = "Dogs NNS\nbite VBP\n\nGo VB\n"
_PROPS = "- (A0*)\nbite (V*)\n\ngo (V*)\n"

_NESTED = "the\tO\tB-PER\t\nking\tO\tI-PER\t\nof\tO\tI-PER\t\nSpain\tB-GPE\tI-PER\t\n\nx\tO\n"

_TREES = "(3 (2 It) (4 (2 's) (4 (3 lovely) (2 .))))\n(0 (1 bad) (2 -RRB-))\n"

_LINES = "pos\ta fine film\nneg\tno , thanks\n"


def _squad() -> str:
    context = "Mira's caf\u00e9 \u2014 opened in 10,000 BC \U0001f1e9\U0001f1ea ."
    answer = {"answer_start": context.index("10,000"), "text": "10,000 BC"}
    questions = [
        {"id": "q1", "question": "When ?", "answers": [answer], "is_impossible": False},
        {"id": "q2", "question": "Why ?", "answers": [], "is_impossible": True},
    ]
    paragraphs = [{"context": context, "qas": questions}]
    return json.dumps(
        {"version": "2", "data": [{"title": "T", "paragraphs": paragraphs}]}, indent=1
    )


_EMPTY = "\t_"
_ROLES_2009 = f"1\tAda{12 * _EMPTY}\tA0\n2\tgoes{10 * _EMPTY}\tY\tgo.01\t_\n\n1\tYes{12 * _EMPTY}\n"


def _writer(files: Mapping[str, str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")

    return write


def _read(
    folder: Path, reader: str, pipeline: str, options: Mapping[str, Any], **beside: str
) -> str:
    """What ``reader`` reads from the folder's file of text and its companions, as a task does."""
    (path,) = folder.glob("text*")
    others = {role: (SourceText(read_bytes(folder / name), name),) for role, name in beside.items()}
    source = SourceText(read_bytes(path), "text", beside=others)
    registered = READERS.get(reader)
    result = registered.read_all(source, registered.options(options, "card"))
    if result.examples:
        _use(PIPELINES.get(pipeline), result.examples)
    # Whatever is read can be written.
    return repr((result.examples, sorted(result.dropped.items()))).encode("utf-8").decode()


def _use(pipeline: Pipeline[Any], examples: list[Any]) -> None:
    """What a run does with examples before it trains."""
    problem = next(filter(None, map(pipeline.problem_of, examples)), None)
    if problem is not None:
        raise DataError(problem)
    pipeline.count(examples)
    pipeline.codec(examples, None)
    for example in examples:
        annotation = pipeline.gold(example)
        json.dumps(annotation, ensure_ascii=False).encode("utf-8")
        pipeline.format_annotation(annotation, pipeline.tokens(example)).encode("utf-8")
        pipeline.resampling_unit(example)


def _reader(
    reader: str, pipeline: str, *options: Mapping[str, Any], **beside: str
) -> Callable[[Path], str]:
    """Reads with each set of options; the last error is the answer only if all of them refuse."""

    def read(folder: Path) -> str:
        answers: list[str] = []
        error: DataError | None = None
        for one in options:
            try:
                answers.append(_read(folder, reader, pipeline, one, **beside))
            except DataError as raised:
                error = raised
        if error is not None and not answers:
            raise error
        return "\n".join(answers)

    return read


def _detect(folder: Path) -> str:
    text = SourceText(read_bytes(folder / "text"), "text")
    return repr(sorted(span_column_options(text).items()))


_COLUMNS: dict[str, Any] = {"token": 0, "tag": -1, "separator": "whitespace"}
_UNIVERSAL = {"id": 0, "token": 1, "tag": 3, "comment": "#", "scheme": "none"}

KINDS = [
    Kind(
        "columns: names",
        _writer({"text": _NER}),
        _reader(
            "conll-columns",
            "ner",
            {**_COLUMNS, "scheme": "bio", "comment": "#"},
            {**_COLUMNS, "scheme": "bioes", "convert": "bio"},
            {**_COLUMNS, "scheme": "bmewo", "convert": "bio"},
            {**_COLUMNS, "scheme": "iob1", "convert": "bio"},
            {"scheme": "none", "strip": True},
        ),
        words=(b"-DOCSTART-", b"I-PER", b"S-LOC", b"E-", b"B-\xe2\x80\x8b"),
    ),
    Kind("columns: detection", _writer({"text": _NER}), _detect, words=(b"-DOCSTART-", b"S-LOC")),
    Kind(
        "columns: Universal Dependencies",
        _writer({"text": _CONLL_U}),
        _reader(
            "conll-columns",
            "pos",
            {"id": 0, "token": 1, "tag": 3, "comment": "#", "scheme": "none"},
        ),
    ),
    Kind(
        "columns: nested",
        _writer({"text": _NESTED}),
        _reader("nested-columns", "ner", {}, {"layer": "innermost"}),
        words=(b"\tB-PER", b"\tI-PER"),
    ),
    Kind(
        "role files: CoNLL-2009",
        _writer({"text": _ROLES_2009}),
        _reader("conll-2009", "srl", {}),
        words=(b"\tY\tgo.01", b"\t_", b"\tA0"),
    ),
    Kind(
        "coreference files",
        _writer({"text": _COREFERENCE}),
        _reader("conll-coref", "coref", {"speaker": 9, "genre": True}, {"separator": "tab"}),
        words=(b"(1", b"1)", b"|", b"#begin document", b"#end document", b"; part 1"),
    ),
    Kind(
        "role files: CoNLL-2012",
        _writer({"text": _ROLES}),
        _reader("conll-2012-srl", "srl", {}, {"predicate": "label", "unescape": True}),
        words=(b"(A0*", b"*)", b"(V*)"),
    ),
    Kind(
        "role files: CoNLL-2005",
        _writer({"text": _WORDS, "props": _PROPS}),
        _reader("conll-2005", "srl", {}, **{PROPS: "props"}),
        words=(b"(A0*", b"*)", b"(V*)"),
    ),
    Kind(
        "role files: PropBank",
        _writer({"text": _CONLL_U, "skeleton": _SKELETON}),
        _reader("propbank-ud", "srl", {}, **{ROLE: "skeleton"}),
        words=(b"(A0*", b"*)", b"# newdoc id = ", b"# sent_id = "),
    ),
    Kind(
        "trees",
        _writer({"text": _TREES}),
        _reader("sst", "sentiment", {}, {"granularity": "two", "unescape": True}),
        words=(b"(2 ", b"(2 a) ", b")"),
    ),
    Kind(
        "lines",
        _writer({"text": _LINES}),
        _reader(
            "lines", "sentiment", {"label_field": "first"}, {"label": "x", "tokenizer": "words"}
        ),
    ),
    Kind(
        "squad",
        _writer({"text.json": _squad()}),
        _reader(
            "squad",
            "qa",
            {"unanswerable": "drop"},
            {"unanswerable": "drop", "wrong_offsets": "drop", "tokenizer": "words"},
            {"articles": {"order": "sha1"}},
        ),
        words=(b"is_impossible", b"answer_start", b"\\udc00", b"\\u0000"),
        weight=2,
    ),
]
