"""The page of the comparison, from the records of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from jinja2 import Environment, StrictUndefined

from benchmarks.allennlp_runs.comparisons import COMPARISONS
from benchmarks.allennlp_runs.original import EPOCHS, NAME, extrapolated
from benchmarks.allennlp_runs.processes import THREADS
from benchmarks.allennlp_runs.records import Run, Seconds, difference
from elmobench.analysis.stats.correction import holm
from elmobench.analysis.stats.difference_row import ALPHA, verdict_of

MARGIN = 1.0
"""Differences below it count as none, in points."""
RESULTS = {
    "tie": "equal",
    "undecided": "no difference shown",
    "better": "better",
    "worse": "worse",
    "better but negligible": "better, by less than 1 point",
    "worse but negligible": "worse, by less than 1 point",
}
CAUSES: dict[str, str] = {
    "ner": "NER: after six epochs on few sentences, seeds differ by two to four points (standard "
    "deviation), so three seeds cannot show a difference of less than several points. The losses "
    "below do not differ.",
    "roles": "Roles: what moves the training loss most is the place of the recurrent dropout. "
    "AllenNLP 2.10.1, which runs here, drops the state on its way to the next step alone; AllenNLP "
    "0.9, with which the paper's models were trained, and our preset also drop the state that the "
    "next layer reads. With 2.10.1's place, in a changed copy, ours ends at 1.00 (three seeds) in "
    "place of 1.08, and AllenNLP at 1.04. It is not that AllenNLP's ELMo carries its states: with "
    "`elmo-mini@state=warm` ours ends at 1.07 (one seed). The biases of the inputs "
    "(`use_input_projection_bias`) are left out in both, as in the published configuration with "
    "ELMo.",
}
"""Comparison -> what was found about its difference, in scores or in losses."""

Pair = tuple[list[Run], list[Run]]


def page(runs: Sequence[Run]) -> str:
    """The page in Markdown. Comparisons that lack one of the systems are left out."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, autoescape=False, keep_trailing_newline=True
    )
    template = Path(__file__).with_name("page.md.in").read_text("utf-8")
    pairs = {name: pair for name in COMPARISONS if (pair := _pair(runs, name)) is not None}
    original = _pair(runs, NAME)
    return environment.from_string(template).render(
        threads=THREADS,
        margin=f"{MARGIN:g}",
        rows=_score_rows(pairs),
        metrics=", ".join(f"{name}: {ours[0].metric}" for name, (ours, _) in pairs.items()),
        causes=[CAUSES[name] for name in pairs if name in CAUSES],
        seconds=[_second_row(name, *pair) for name, pair in pairs.items()],
        original=None if original is None else _original(*original),
        missing=[name for name in COMPARISONS if name not in pairs],
        machine=_machine(runs),
        versions=_versions(runs),
    )


def _pair(runs: Sequence[Run], name: str) -> Pair | None:
    """The runs of ours and of theirs; None if one system has none."""
    ours, theirs = (
        [run for run in runs if run.comparison == name and run.system == system]
        for system in ("elmobench", "allennlp")
    )
    return (ours, theirs) if ours and theirs else None


def _score_rows(pairs: dict[str, Pair]) -> list[dict[str, str]]:
    estimates = [difference(ours, theirs) for ours, theirs in pairs.values()]
    different = holm([estimate.p_value() for estimate in estimates])
    within = holm([estimate.p_within(MARGIN) for estimate in estimates])
    rows = []
    for (name, (ours, theirs)), estimate, p, p_within in zip(
        pairs.items(), estimates, different, within, strict=True
    ):
        low, high = estimate.interval(1 - ALPHA)
        one_run = len(ours) < 2 or len(theirs) < 2
        result = RESULTS[verdict_of(estimate.value, p, p_within)]
        sizes = ours[0].sizes
        counts = dict.fromkeys(str(len(side)) for side in (theirs, ours))
        rows.append(
            {
                "task": ours[0].task.removesuffix("-part"),
                "head": COMPARISONS[name].head,
                "sizes": ", ".join(f"{sizes[s]:,}" for s in ("train", "dev", "test")),
                "epochs": str(ours[0].epochs),
                "seeds": ", ".join(counts),
                "theirs": _spread([run.score for run in theirs]),
                "ours": _spread([run.score for run in ours]),
                "difference": f"{estimate.value:+.2f}",
                "interval": f"{low:+.2f} … {high:+.2f}",
                "result": "one run, undecided" if one_run else result,
                "their_loss": _spread([run.losses[-1] for run in theirs], 3),
                "our_loss": _spread([run.losses[-1] for run in ours], 3),
            }
        )
    return rows


def _spread(values: Sequence[float], digits: int = 2) -> str:
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def _second_row(name: str, ours: list[Run], theirs: list[Run]) -> dict[str, str]:
    our, their = (mean_seconds([run.cpu for run in side]) for side in (ours, theirs))
    our_wall, their_wall = (mean_seconds([run.wall for run in side]) for side in (ours, theirs))
    return {
        "task": ours[0].task.removesuffix("-part"),
        "their_epoch": f"{their.epoch:.1f}",
        "their_encoding": f"{their.encoding / ours[0].epochs:.1f}",
        "our_epoch": f"{our.epoch:.1f}",
        "epoch_ratio": f"{their.epoch / our.epoch:.1f}",
        "their_run": f"{their.run:.0f}",
        "our_run": f"{our.run:.0f}",
        "our_encoding": f"{our.encoding:.1f}",
        "run_ratio": f"{their.run / our.run:.1f}",
        "wall_epoch_ratio": f"{their_wall.epoch / our_wall.epoch:.1f}",
        "wall_run_ratio": f"{their_wall.run / our_wall.run:.1f}",
    }


def mean_seconds(values: Sequence[Seconds]) -> Seconds:
    """The mean of each kind of seconds."""
    return Seconds(
        run=mean(v.run for v in values),
        epoch=mean(v.epoch for v in values),
        encoding=mean(v.encoding for v in values),
    )


def _original(ours: list[Run], theirs: list[Run]) -> dict[str, str]:
    our, their = ours[0], theirs[0]
    cpu, wall = extrapolated(our, their, "cpu"), extrapolated(our, their, "wall")
    whole = sum(cpu.tokens[split] for split in ("train", "dev"))
    return {
        "part": f"{their.sizes['train']} sentences of train and {their.sizes['dev']} of dev "
        f"({their.tokens['train'] + their.tokens['dev']:,} tokens)",
        "whole": f"{whole:,}",
        "our_epochs": str(our.epochs),
        "epochs": str(EPOCHS),
        "their_part": f"{their.cpu.epoch:.1f}",
        "their_part_encoding": f"{their.cpu.encoding:.1f}",
        "their_epoch": f"{cpu.their_epoch:,.0f}",
        "our_epoch": f"{cpu.our_epoch:,.1f}",
        "our_encoding": f"{cpu.our_encoding:,.0f}",
        "their_run": f"{cpu.their_run:,.0f}",
        "our_run": f"{cpu.our_run:,.0f}",
        "ratio": f"{cpu.ratio:.0f}",
        "wall_ratio": f"{wall.ratio:.0f}",
    }


def _machine(runs: Sequence[Run]) -> str:
    hosts = {(run.host["processor"], run.host["cores"]) for run in runs}
    return "; ".join(f"{processor}, {cores} cores" for processor, cores in sorted(hosts))


def _versions(runs: Sequence[Run]) -> list[str]:
    shown = ("elmobench", "allennlp", "allennlp-models", "torch", "numpy", "python")
    lines: dict[str, None] = {}
    for run in sorted(runs, key=lambda run: run.system):
        found: dict[str, Any] = run.versions
        names = ", ".join(f"{name} {found[name]}" for name in shown if name in found)
        lines[names] = None
    return list(lines)
