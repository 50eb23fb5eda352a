"""``elmobench pretrain``: train models on your own text. One module per command."""

from __future__ import annotations

import typer

from elmobench.cli.pretrain import domain, overlap, pack, plan, train

app = typer.Typer(
    help="Train a model on your own text, or look for evaluation sets in it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("bilm")(train.bilm)
app.command("glove")(train.glove)
app.command("fasttext")(train.fasttext)
app.command("bert")(train.bert)
app.command("run")(plan.run)
app.command("domain")(domain.domain)
app.command("pack")(pack.pack)
app.command("overlap")(overlap.overlap)
