"""``elmobench claims``: what an experiment says of the paper's findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from elmobench.analysis.claims.claim import Outcome

_STYLES: dict[Outcome, str] = {
    "supported": "green",
    "contradicted": "red",
    "undecided": "yellow",
    "not tested": "dim",
}


def claims(
    experiment: Annotated[
        str, typer.Argument(help="A results folder, or the name of one below 'results'.")
    ],
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Show every comparison behind the answers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a claim.")] = False,
) -> None:
    """Say which of the paper's findings the records of EXPERIMENT support or contradict.

    A claim is supported where every comparison supports it, and contradicted where one
    contradicts it; "better" and "no difference" are those of `elmobench compare`.
    """
    import json
    from contextlib import nullcontext
    from dataclasses import asdict

    from rich.console import Console
    from rich.markup import escape

    from elmobench.analysis.claims.paper_findings import answers
    from elmobench.cli.report import results_folder
    from elmobench.tracking.record import RecordStore

    folder = results_folder(experiment)
    console = Console()
    with console.status("comparing") if console.is_terminal else nullcontext():
        found = answers(RecordStore(folder))
    if as_json:
        for answer in found:
            claim = answer.claim
            row = {
                "id": claim.id,
                "statement": claim.statement,
                "source": claim.source,
                "expects": claim.expects,
                "outcome": answer.outcome,
                "evidence": [asdict(one) for one in answer.evidence],
            }
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    for answer in found:
        style = _STYLES[answer.outcome]
        console.print(
            f"[{style}]{answer.outcome:12}[/] {escape(answer.claim.statement)} "
            f"[dim]{escape(answer.claim.source)}[/]",
            highlight=False,
        )
        if answer.evidence:
            console.print(
                f"[dim]{'':13}{escape(f'{answer.claim.expects}: {answer.counts}')}[/]",
                highlight=False,
            )
        for one in answer.evidence if evidence else ():
            bounds = "" if one.low is None else f" ({one.low:+.2f} … {one.high:+.2f})"
            console.print(
                f"{'':13}[{_STYLES[one.outcome]}]{one.outcome}[/] {escape(one.where)}: "
                f"{escape(one.what)} {one.effect:+.2f}{bounds}",
                highlight=False,
            )
