"""``elmobench encode``: the vectors of a text file, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def encode(
    spec: Annotated[
        str, typer.Argument(help="Features: a name, elmo:folder, static:file, bert:folder.")
    ],
    text: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Text file of one tokenised sentence a line, tokens separated by spaces; - for "
            "standard input. An empty line is kept as an empty sentence, so that sentence i is "
            "line i + 1.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write (replaced if it is there): .hdf5 with a dataset a line, named "
            "0, 1, …, or .safetensors with flat arrays and offsets."
        ),
    ],
    layer: Annotated[
        int | None, typer.Option(help="One layer, counted from 0 [default: all].")
    ] = None,
    average: Annotated[bool, typer.Option("--average", help="The mean of all layers.")] = False,
    output: Annotated[
        str | None,
        typer.Option(
            help="An output of ELMo, as TF-Hub calls it: word_emb, lstm_outputs1, "
            "lstm_outputs2, elmo (uniform mix), default (its mean over tokens)."
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="Of the written values: fp32 or fp16.")] = "fp32",
    tokenizer: Annotated[
        str,
        typer.Option(
            help="How lines are cut into tokens: spaces (U+0020 only), whitespace (any blank), "
            "words (raw text)."
        ),
    ] = "spaces",
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Pin files whose digest nobody knows yet.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads to encode with.")] = 1,
) -> None:
    """Encode INPUT with SPEC and write every token's vectors to a file."""
    import sys

    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from elmobench.core.errors import ConfigError
    from elmobench.data.readers.tokenizers import TOKENIZERS
    from elmobench.features.catalog.catalog import load_provider
    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.token_lines import open_lines
    from elmobench.features.export.vector_file import SUFFIXES, export
    from elmobench.features.spec import parse_features
    from elmobench.training.machine import torch_threads

    if precision not in ("fp16", "fp32"):
        raise typer.BadParameter("one of: fp16, fp32", param_hint="--precision")
    if tokenizer not in TOKENIZERS:
        raise typer.BadParameter(f"one of: {', '.join(TOKENIZERS)}", param_hint="--tokenizer")
    # Before a model is loaded, which may take long.
    if out.suffix not in SUFFIXES:
        raise typer.BadParameter(f"end it in {', '.join(SUFFIXES)}", param_hint="--out")
    parts = parse_features(spec).parts
    if len(parts) > 1:
        raise ConfigError(
            "'a+b' is not one model: each part has its own layers",
            where=f"features {spec!r}",
            fix=f"encode {' and '.join(repr(str(part)) for part in parts)} one by one, each into "
            "a file of its own",
        )
    with open_lines(text, TOKENIZERS[tokenizer], sys.stdin.buffer) as lines:
        provider = load_provider(spec, trust_first=trust_first)
        selection = make_selection(provider, layer=layer, average=average, output=output)
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
                precision,  # type: ignore[arg-type]
                lambda done, total: bars.update(bar, completed=done, total=total),
            )
    typer.echo(
        f"{counts.sentences} sentences, {counts.tokens} tokens: {', '.join(selection.names)} of "
        f"{selection.dim} values in {precision}; {out.stat().st_size / 1e6:,.1f} MB in {out}"
    )
