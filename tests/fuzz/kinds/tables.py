"""Inputs of the readers of tables, pairs, JSON lines, pronouns, senses and their inventories."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind

from elmobench.core.errors import DataError
from elmobench.core.parsing import read_bytes
from elmobench.data.label_kinds import LabelKind
from elmobench.data.readers import gap, pairs, raganato, semcor, table  # noqa: F401 (loaded once)
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.inventory_formats import read_inventory
from elmobench.data.readers.wsd import READER as WSD

_CSV = """\
text,label,note
"A fine, long film",pos,a
"It said ""no""
twice",neg,b
caf\u00e9 \u65e5\u672c,pos,
"""

_TSV = "1\tA man can't go.\tHe goes.\tcontradiction\n2\ta b\tc\tneutral\n"

_JSON_LINES = """\
{"sentence1": "A man sleeps.", "sentence2": "A man.", "gold_label": "entailment", "pairID": "0"}
{"sentence1": "No \\ud83d\\ude00.", "sentence2": "a", "gold_label": "-", "pairID": "1", "n": [1.5]}

{"sentence1": "A girl sings.", "sentence2": "She is.", "gold_label": "neutral", "pairID": "2"}
"""

_RECORDS = "".join(
    json.dumps({"s": {"tokens": ["Ann", "saw", f"B\u00f6b{i}"], "tags": [1, 0, 2]}, "doc": i})
    + "\n"
    for i in range(3)
)
_RECORD_OPTIONS: dict[str, Any] = {
    **{"tokens": "s.tokens", "tags": "s.tags", "group": "doc"},
    **{"scheme": "bioes", "names": ["O", "S-PER", "S-LOC"]},
}


def _write_parquet(folder: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [json.loads(line) for line in _RECORDS.splitlines()] * 20
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "a.parquet")


_GAP_TEXT = "Ann knew Mary-Lou was out, since she called, didn't she?"
_GAP = "\t".join(gap.COLUMNS) + "".join(
    f"\n{name}\t{_GAP_TEXT}\tshe\t{_GAP_TEXT.index('she')}\tAnn\t0\t{a}\tMary\t9\t{b}\thttp://x"
    for name, a, b in (("t-1", "TRUE", "FALSE"), ("t-2", "FALSE", "FALSE"))
)

_SEMCOR = """\
<contextfile concordance=brown>
<context filename=br-a01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done pos=NN lemma=bank wnsn=1 lexsn=1:14:00::>savings_bank</wf>
<wf cmd=done pos=NN lemma=bank wnsn=0 lexsn=1:99:00::>bank</wf>
<punc>.</punc>
</s>
</p>
</context>
</contextfile>
"""

_XML = """\
<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en" source="senseval2">
<text id="d000">
<sentence id="d000.s000">
<wf lemma="the" pos="DET">The</wf>
<instance id="d000.s000.t000" lemma="savings_bank" pos="NOUN">savings bank</instance>
<wf lemma="-lrb-" pos=".">-LRB-</wf>
<instance id="d000.s000.t001" lemma="bank" pos="VERB">banks &amp; \u65e5</instance>
</sentence>
</text>
</corpus>
"""

_KEYS = "d000.s000.t000 bank%1:14:00::\nd000.s000.t001 bank%2:40:00:: bank%2:35:00::\n"

_ENTRIES = """\
'''hood':
  n:
    sense:
    - id: '''hood%1:14:01::'
      synset: 08244614-n
bank:
  n-1:
    sense:
    - id: 'bank%1:14:00::'
      synset: 3-n
    - id: bank%1:04:00::
  v:
    form:
    - banked
    sense:
    - id: 'bank%2:40:00::'
"""

_INDEX = """\
bank%1:14:00:: 08420278 1 20
bank%1:17:01:: 09213565 2 25
bank%2:40:00:: 02343252 1 0
good%5:00:00:sound:00 00106020 2 3
"""

_XML_WORDS = (
    b'<?xml version="1.0" encoding="utf-7"?>',
    b'encoding="no-such"',
    b'encoding="shift_jis"',
    b'<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    b"<sentence>",
    b"</text>",
    b"&#xD800;",
    b"&#0;",
    b"<wf>",
    b"<![CDATA[",
    b"<!--",
)


def _writer(**files: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text, "utf-8")

    return write


def _source(folder: Path, name: str, **beside: str) -> SourceText:
    others = {role: (_source(folder, other),) for role, other in beside.items()}
    return SourceText(read_bytes(folder / name), name, beside=others)


def _shown(value: Any) -> str:
    """``value`` as text that can be written, as whatever is read must be."""
    return repr(value).encode("utf-8").decode()


def _reader(
    reader: str, name: str, kind: LabelKind = "class", **options: Any
) -> Callable[[Path], str]:
    def read(folder: Path) -> str:
        registered = READERS.get(reader)
        source = replace(_source(folder, name), labels=kind)
        result = registered.read_all(source, registered.options(options, "card"))
        return _shown((result.examples, sorted(result.dropped.items())))

    return read


def _senses(format_: str) -> Callable[[Path], str]:
    def read(folder: Path) -> str:
        beside = {"inventory": "index.sense"} | (
            {"keys": "keys.txt"} if format_ == "raganato" else {}
        )
        options = {
            "format": format_,
            "dataset": "x",
            "inventory_format": "index-sense",
            "unescape": format_ == "raganato",
        }
        result = WSD.read(_source(folder, "text.xml", **beside), WSD.options(options, "card"))
        return _shown((result.examples, sorted(result.dropped.items())))

    return read


_MARKS: dict[str, Any] = {
    **{"premise": "a", "hypothesis": "b", "label": "y"},
    **{"premise_start": "s", "premise_end": "e", "hypothesis_start": "t", "hypothesis_end": "f"},
}


def _words_in_context(folder: Path) -> str:
    reader = READERS.get("wic")
    source = _source(folder, "text.txt", gold="gold.txt")
    result = reader.read_all(source, reader.options({}, "card"))
    return _shown((result.examples, sorted(result.dropped.items())))


def _equal_lines(folder: Path) -> str:
    """Texts with labels, and sentences with tags, in another file with equal lines."""
    shown = []
    for reader, role, options in (
        ("label-lines", "label", {"map": {"O": "none"}}),
        ("tag-lines", "tags", {"scheme": "bio"}),
        ("word-tags", "", {"scheme": "none", "separator": "a"}),
        ("text-file", "", {"label": "x"}),
    ):
        registered = READERS.get(reader)
        beside = {role: "beside.txt"} if role else {}
        source = _source(folder, "text.txt", **beside)
        try:
            result = registered.read_all(source, registered.options(options, "card"))
        except DataError as error:
            shown.append(str(error))
        else:
            shown.append(_shown((result.examples, sorted(result.dropped.items()))))
    return "\n".join(shown)


def _edges_of_tags(folder: Path) -> str:
    reader = READERS.get("edges-of")
    options = reader.options({"reader": "conll-columns", "options": {"scheme": "bio"}}, "card")
    result = reader.read_all(_source(folder, "a.tsv"), options)
    return _shown((result.examples, sorted(result.dropped.items())))


def _coarse_senses(folder: Path) -> str:
    reader = READERS.get("coarse-wsd")
    source = _source(folder, "text.txt", gold="gold.txt", senses="senses.json")
    result = reader.read_all(source, reader.options({"lemma": "bank"}, "card"))
    return _shown((result.examples, sorted(result.dropped.items())))


def _inventory(folder: Path) -> str:
    entries = read_inventory([_source(folder, "entries.yaml")], "oewn")
    return _shown(sorted(vars(entries)["_senses"].items()))


KINDS = [
    Kind(
        "equal lines",
        _writer(text_txt="Ann saw caf\u00e9 .\nBob\n", beside_txt="B-PER O I-LOC O\nO\n"),
        _equal_lines,
        False,
        words=(b"\n\n", b"/", b"S-", b" O"),
    ),
    Kind(
        "table",
        _writer(a_csv=_CSV),
        _reader("table", "a.csv", text="text", label="label", delimiter="comma", quoting="csv"),
        words=(b'""', b',"', b"x" * 140_000, b"pos "),
    ),
    Kind(
        "pair table",
        _writer(a_tsv=_TSV),
        _reader(
            "pair-table",
            "a.tsv",
            **{"id": 0, "premise": 1, "hypothesis": 2, "label": 3},
            tokenizer="treebank",
        ),
    ),
    Kind(
        "pair JSON lines", _writer(a_jsonl=_JSON_LINES), _reader("pair-jsonl", "a.jsonl"), weight=2
    ),
    Kind(
        "pairs with numbers",
        _writer(a_tsv="a b\tc\t3.5\nd e\tf\t-1e-3\n"),
        _reader(
            *("pair-table", "a.tsv", "number"),
            **{"premise": 0, "hypothesis": 1, "label": 2},
            tokenizer="words",
        ),
        words=(b"1e999", b"nan", b"1_0", b"0x1", b"-", b"\xd9\xa3"),
    ),
    Kind(
        "texts with numbers in JSON lines",
        _writer(a_jsonl='{"t": "a b", "y": 3.5}\n{"t": "c", "y": "2"}\n'),
        _reader("jsonl", "a.jsonl", "number", text="t", label="y"),
        words=(b"1e999", b"NaN", b"-0.0", b"true"),
    ),
    Kind(
        "texts with sets of labels",
        _writer(a_jsonl='{"t": "a b", "y": ["p", "q"]}\n{"t": "c", "y": null}\n'),
        _reader("jsonl", "a.jsonl", "set", text="t", label="y"),
        words=(b"[[]]", b'""', b'"p,p"', b"[1]"),
    ),
    Kind(
        "table of indicators",
        _writer(a_csv='text,p,q\n"a, b",1,0\nc,0,0\n'),
        _reader(
            *("indicator-table", "a.csv", "set"),
            **{"text": "text", "labels": ["p", "q"], "delimiter": "comma", "quoting": "csv"},
        ),
        words=(b"2", b"p,p", b'"'),
    ),
    Kind(
        "WiC",
        _writer(
            text_txt="bank\tN\t1-2\tthe bank .\tat the bank\nrun\tV\t0-0\truns\tran on\n",
            gold_txt="T\nF\n",
        ),
        _words_in_context,
        words=(b"-1-0", b"9-9", b"999999999999-0", b"\t\t"),
    ),
    Kind(
        "pairs with marked characters",
        _writer(
            a_jsonl='{"a": "the bank", "b": "banks", "y": true, "s": 4, "e": 8, "t": 0, "f": 5}\n'
        ),
        _reader("jsonl", "a.jsonl", **_MARKS),
        words=(b"-1", b"1e9", b"99999999999", b"8"),
    ),
    Kind(
        "edge probing",
        _writer(
            a_jsonl='{"text": "the bank", "targets": [{"span1": [0, 2], "label": ["a", "b"]}]}\n'
            '{"text": "caf\u00e9 x", "targets": [{"span1": [1, 2], "label": 1}, '
            '{"span1": [0, 1], "label": "c", "info": {}}]}\n{"text": "x", "targets": []}\n'
        ),
        _reader("edge-probing-json", "a.jsonl", map={"1": "one"}),
        words=(b'"span2": [0, 1]', b"-1", b"99999999999999999999", b"[[]]", b"1.0", b"true"),
    ),
    Kind(
        "dependencies",
        _writer(
            a_conllu="# newdoc id = d\n# sent_id = s\n"
            "1\tcaf\u00e9\t_\tNOUN\t_\t_\t2\tnsubj:pass\t_\t_\n"
            "2-3\tis'nt\t_\t_\t_\t_\t_\t_\t_\t_\n"
            "2\tis\t_\tAUX\t_\t_\t0\troot\t_\t_\n3\tn't\t_\tPART\t_\t_\t2\tadvmod\t_\t_\n"
        ),
        _reader("conllu-edges", "a.conllu", label="arc"),
        words=(b"\t-1\t", b"\t1\t", b"\t9999999999\t", b"4.1", b"# newdoc id = "),
    ),
    Kind(
        "dependency trees",
        _writer(
            a_conllu="# sent_id = s\n1\tcaf\u00e9\t_\tNOUN\tNN\t_\t2\tnsubj\t_\t_\n"
            "2\tis\t_\tAUX\tVBZ\t_\t0\troot\t_\t_\n3\t.\t_\tPUNCT\t.\t_\t2\tpunct\t_\t_\n"
        ),
        _reader("conllu-trees", "a.conllu", tags="language", punctuation=["."]),
        words=(b"\t-1\t", b"\t3\t", b"\t9999999999\t", b"4.1"),
    ),
    Kind(
        "edges of tags",
        _writer(a_tsv="Ann\tB-PER\nsaw\tO\nRome\tB-LOC\n\nno\tO\n"),
        _edges_of_tags,
        words=(b"\tI-PER", b"\n\n"),
    ),
    Kind(
        "tagged JSON lines",
        _writer(a_jsonl=_RECORDS),
        _reader("jsonl", "a.jsonl", **_RECORD_OPTIONS),
    ),
    Kind(
        "JSON list",
        _writer(a_json=f"[{','.join(_RECORDS.splitlines())}]"),
        _reader("jsonl", "a.json", **_RECORD_OPTIONS),
    ),
    Kind("Parquet", _write_parquet, _reader("parquet", "a.parquet", **_RECORD_OPTIONS), weight=2),
    Kind("pronoun table", _writer(a_tsv=_GAP), _reader("gap", "a.tsv")),
    Kind(
        "SemCor",
        _writer(text_xml=_SEMCOR, index_sense=_INDEX),
        _senses("semcor"),
        words=(b"<s snum=2>", b"lexsn=", b"</s>"),
    ),
    Kind(
        "sense XML",
        _writer(text_xml=_XML, index_sense=_INDEX, keys_txt=_KEYS),
        _senses("raganato"),
        words=_XML_WORDS,
        weight=2,
    ),
    Kind(
        "coarse senses",
        _writer(
            text_txt="1\tthe bank opened\n0 bank caf\u00e9\n",
            gold_txt="0\n1\n",
            senses_json='{"0": "bank_money", "1": "bank_river"}',
        ),
        _coarse_senses,
        words=(b"99999999999", b"\t\t", b'"1": "bank_money"'),
    ),
    Kind("sense inventory", _writer(entries_yaml=_ENTRIES), _inventory),
]
