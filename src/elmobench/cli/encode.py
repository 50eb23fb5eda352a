"""``elmobench encode``: write the vectors of a text to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.encode_needed import encode_needed
from elmobench.cli.options import (
    IncludeOption,
    JsonOption,
    StoreOption,
    ThreadsOption,
    TrustFirstOption,
)

if TYPE_CHECKING:
    from elmobench.features.export.token_lines import LineCounts
    from elmobench.features.export.vector_file import Precision


# Long: most lines declare the options with their help.
def encode(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help="Features: a name, elmo:FOLDER, bert:FOLDER, static:FILE or sentence:FOLDER.",
        ),
    ],
    text: Annotated[
        Path | None,
        typer.Argument(
            metavar="[INPUT]",
            help="Text with one tokenised sentence per line, tokens separated by spaces; - for "
            "standard input. An empty line is an empty sentence, so that sentence i is "
            "line i + 1.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="File to write; an existing one is replaced. .hdf5 has one dataset per line, "
            "named 0, 1 and so on; .safetensors has flat arrays and offsets.",
        ),
    ],
    layer: Annotated[
        int | None,
        typer.Option(metavar="N", help="Write one layer, counted from 0 [default: all]."),
    ] = None,
    average: Annotated[
        bool, typer.Option("--average", help="Write the mean of all layers.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write an output of ELMo by its TF-Hub name: word_emb, lstm_outputs1, "
            "lstm_outputs2, elmo (uniform mix), default (its mean over tokens).",
        ),
    ] = None,
    needed: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="TASK|EXPERIMENT",
            help="In place of INPUT: the distinct sentences of a task (repeatable), or all that "
            "the cells of one experiment need. They are encoded into the feature store, as a run "
            "does, so that vectors:FILE gives the same scores to the bit.",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Precision of the written values: fp32 or fp16 [default: fp32; with --for the "
            "experiment's, or fp16].",
        ),
    ] = None,
    tokenizer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How lines are split into tokens: spaces (U+0020 only), whitespace (any blank), "
            "words (raw text).",
        ),
    ] = "spaces",
    include: IncludeOption = None,
    store: StoreOption = None,
    trust_first: TrustFirstOption = False,
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Write the vectors of every token of a text to a file."""
    from io import BytesIO

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.core.errors import ConfigError
    from elmobench.core.parsing import standard_input
    from elmobench.data.readers.tokenizers import TOKENIZERS
    from elmobench.features.catalog.catalog import load_provider
    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.token_lines import open_lines
    from elmobench.features.export.vector_file import SUFFIXES, export
    from elmobench.features.spec import parse_features
    from elmobench.training.machine import torch_threads

    if (text is None) == (not needed):
        raise typer.BadParameter("give one of INPUT and --for", param_hint="INPUT")
    if precision not in ("fp16", "fp32", None):
        raise typer.BadParameter("one of: fp16, fp32", param_hint="--precision")
    if tokenizer not in TOKENIZERS:
        raise typer.BadParameter(f"one of: {', '.join(TOKENIZERS)}", param_hint="--tokenizer")
    written: Precision = "fp16" if precision == "fp16" else "fp32"
    # Checked before a model is loaded, which may take long.
    if out.suffix not in SUFFIXES:
        raise typer.BadParameter(f"end it in {', '.join(SUFFIXES)}", param_hint="--out")
    parts = parse_features(spec).parts
    if len(parts) > 1:
        raise ConfigError(
            "'a+b' is not one model: each part has its own layers",
            where=f"features {spec!r}",
            fix=f"encode {' and '.join(repr(str(part)) for part in parts)} one by one, each into "
            "its own file",
        )
    choice = {"layer": layer, "average": average, "output": output}
    if needed:
        counts, names, size = encode_needed(
            spec,
            needed,
            out,
            choice,
            precision=precision,
            store=store,
            include=include,
            trust_first=trust_first,
            threads=threads,
        )
        _done(spec, counts, names, size, out, as_json)
        return
    assert text is not None
    stdin = standard_input() if str(text) == "-" else BytesIO()
    with open_lines(text, TOKENIZERS[tokenizer], stdin) as lines:
        provider = load_provider(spec, trust_first=trust_first)
        selection = make_selection(provider, **choice)  # type: ignore[arg-type]
        with (
            Progress(console=Console(stderr=True), transient=True) as bars,
            torch_threads(threads),
        ):
            bar = bars.add_task(f"encoding {escape(lines.name)}", total=None)
            counts = export(
                provider,
                lines,
                out,
                selection,
                written,
                lambda done, total: bars.update(bar, completed=done, total=total),
            )
    size = f"{selection.dim} values in {written}"
    _done(spec, counts, ", ".join(selection.names), size, out, as_json)


def _done(spec: str, counts: LineCounts, names: str, size: str, out: Path, as_json: bool) -> None:
    """Print what was written."""
    from elmobench.cli.output.base import print_json
    from elmobench.cli.output.models import EncodeOutput

    if as_json:
        print_json(
            EncodeOutput(
                features=spec,
                file=str(out),
                bytes=out.stat().st_size,
                sentences=counts.sentences,
                tokens=counts.tokens,
                layers=names,
                values=size,
            )
        )
        return
    typer.echo(
        f"{counts.sentences} sentences, {counts.tokens} tokens: {names} of {size}; "
        f"{out.stat().st_size / 1e6:,.1f} MB in {out}"
    )
