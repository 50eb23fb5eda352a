"""``elmobench claims``: which claims, its own and published ones, an experiment supports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elmobench.cli.options import JsonOption, ResultsArgument
from elmobench.cli.streams import say

if TYPE_CHECKING:
    from elmobench.analysis.claims.evidence import Outcome

_STYLES: dict[Outcome, str] = {
    "supported": "green",
    "contradicted": "red",
    "undecided": "yellow",
    "not tested": "dim",
}
_CLAIM_FIELDS = ("id", "statement", "source", "expects")


def claims(
    results: ResultsArgument,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Show every comparison behind each outcome.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Test which of the paper's findings the records of RESULTS support or contradict.

    Claims that the experiment file states are tested too, and come first.

    A claim is supported if every comparison supports it, and contradicted if at least one
    contradicts it. Verdicts are those of `elmobench compare`, corrected over the comparisons of a
    claim. Negligible differences and single runs support nothing.
    """
    from contextlib import nullcontext

    from rich.console import Console
    from rich.markup import escape

    from elmobench.api.claims import claims as test_claims
    from elmobench.cli.output.base import for_programs
    from elmobench.cli.output.findings import ClaimRow, ClaimsOutput

    console = Console()
    with console.status("comparing") if console.is_terminal else nullcontext():
        found = test_claims(results)
    if found.partial:
        say("note: cells of a quick try (--limit) are not evidence, and are left out")
    output = ClaimsOutput(
        results=str(found.folder),
        partial=found.partial,
        claims=[
            ClaimRow.from_values(
                {
                    **{name: getattr(result.claim, name) for name in _CLAIM_FIELDS},
                    **{"outcome": result.outcome, "counts": result.counts},
                    "evidence": result.evidence,
                }
            )
            for result in found
        ],
    )
    if for_programs(output, as_json=as_json):
        return
    for result in found:
        style = _STYLES[result.outcome]
        console.print(
            f"[{style}]{result.outcome:12}[/] {escape(result.claim.statement)} "
            f"[dim]{escape(result.claim.source)}[/]",
            highlight=False,
        )
        if result.evidence:
            console.print(
                f"[dim]{'':13}{escape(f'{result.claim.expects}: {result.counts}')}[/]",
                highlight=False,
            )
        for comparison in result.evidence if evidence else ():
            style, low, high = _STYLES[comparison.outcome], comparison.low, comparison.high
            bounds = "" if low is None else f" ({low:+.2f} … {high:+.2f})"
            console.print(
                f"{'':13}[{style}]{comparison.outcome}[/] {escape(comparison.where)}: "
                f"{escape(comparison.what)} {comparison.effect:+.2f}{bounds}",
                highlight=False,
            )
