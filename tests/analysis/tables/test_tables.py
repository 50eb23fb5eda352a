from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest

from elmobench import load_results
from elmobench.analysis.report.markdown import to_markdown
from elmobench.analysis.report.report import make_report
from elmobench.analysis.report.write import write_report
from elmobench.analysis.tables.cost_table import cost_table
from elmobench.analysis.tables.layer_weights import layer_weight_table
from elmobench.analysis.tables.results_frame import frame_of
from elmobench.analysis.tables.score_tables import mean_sd, score_statistics, score_table
from elmobench.core.errors import DataError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def record(features: str, seed: int, score: float, s1: float, status: str = "ok") -> RunRecord:
    mix = {"input": {"e": {"s": [1 - s1, s1], "gamma": 2.0, "w": [0.0, 0.0]}}}
    values = {
        "cell": f"{features}-{seed}".ljust(64, "0"),
        "experiment": "x",
        "task": "ner/t|pipe",
        "pipeline": "ner",
        "features": features,
        "head": "linear",
        "seed": seed,
        "axes": {},
        "identity": {"parts": [{"fingerprint": "f"}]},
        "status": status,
        "caveats": ["take care"],
    }
    if status == "failed":
        return RunRecord.model_validate({**values, "error": "it broke"})
    return RunRecord.model_validate(
        {
            **values,
            "result": {
                "metric": "span-f1",
                "primary": "f1",
                "test": {"f1": score},
                "dev": {"f1": score},
                "per_class": {},
                "best_epoch": 1,
                "predictions_digest": "d",
                "layer_weights": mix,
                "curve": [],
            },
            "run": {
                "started": "",
                "seconds": {"train": 2.0 * seed, "epoch_mean": 1.0},
                "peak_memory_bytes": 10_000_000,
                "parameters": {"head": 3, "e": 7},
                "bytes_per_token": {"e": 12.5},
                "versions": {},
                "host": {},
                "signature": "s",
            },
        }
    )


RECORDS = [
    record("a", 1, 50.0, 0.2),
    record("a", 2, 53.0, 0.4),
    record("a", 3, 52.0, 0.3),
    record("b", 1, 60.0, 0.9),
]


def test_mean_and_sample_deviation() -> None:
    values = [50.0, 53.0, 52.0]
    assert mean_sd(values) == f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
    assert mean_sd([1.0]) == "1.00"
    assert mean_sd([]) == "–"


def test_score_table_shows_mean_and_sd_over_seeds() -> None:
    table = score_table(frame_of(RECORDS))
    assert list(table.columns) == ["task", "metric", "head", "seeds", "a", "b"]
    (row,) = table.to_dict("records")
    assert row["a"] == "51.67 ± 1.53"
    assert row["b"] == "60.00"
    assert row["seeds"] == "1–3"


def test_several_folds_have_a_row_for_their_mean() -> None:
    scores = {0: [50.0, 52.0], 3: [60.0, 64.0]}
    records = [
        record("a", seed, score, 0.1).model_copy(update={"axes": {"fold": fold}})
        for fold, values in scores.items()
        for seed, score in enumerate(values, 1)
    ]
    rows = score_table(frame_of(records)).to_dict("records")
    assert [row["fold"] for row in rows] == [0, 3, "mean of 2"]
    assert [row["seeds"] for row in rows] == ["1, 2", "1, 2", ""]
    assert rows[2]["a"] == f"56.50 ± {statistics.stdev([51.0, 62.0]):.2f}"
    (only,) = score_table(frame_of(records[:2])).to_dict("records")
    assert (only["fold"], only["a"]) == (0, "51.00 ± 1.41")


def test_weights_that_were_not_learned_are_left_out() -> None:
    fixed = record("a", 1, 50.0, 0.2)
    assert fixed.result is not None
    mix = {"input": {"a": {"s": [0.5, 0.5], "gamma": 1.0, "w": None}}}
    result = fixed.result.model_copy(update={"layer_weights": mix})
    assert layer_weight_table([fixed.model_copy(update={"result": result})]).empty


def test_failed_cells_are_not_averaged() -> None:
    records = [*RECORDS, record("b", 2, 0.0, 0.0, status="failed")]
    statistics_ = score_statistics(frame_of(records)).set_index("features")
    assert statistics_.loc["b", "seeds"] == 1
    assert statistics_.loc["a", "mean"] == pytest.approx(155 / 3)
    # Student's interval with two degrees of freedom.
    half = 4.302653 * statistics.stdev([50.0, 53.0, 52.0]) / 3**0.5
    assert statistics_.loc["a", "high"] == pytest.approx(155 / 3 + half)
    assert math.isnan(statistics_.loc["b", "low"])
    assert statistics_.loc["a", "train_seconds"] == pytest.approx(4.0)


def test_layer_weights_are_averaged_over_seeds() -> None:
    (a, b) = layer_weight_table(RECORDS).to_dict("records")
    assert a["s1"] == "0.30 ± 0.10"
    assert a["s0"] == "0.70 ± 0.10"
    assert b["s1"] == "0.90"
    assert a["γ"] == "2.00 ± 0.00"


def test_layers_are_in_order_and_nothing_is_cut_off(tmp_path: Path) -> None:
    import io

    from rich.console import Console

    from elmobench.analysis.report.terminal import print_report

    deep = []
    for entry in RECORDS:
        assert entry.result is not None
        mixes = {"e": {"s": [0.25] * 4, "gamma": 2.0, "w": [0.0] * 4}}
        more = entry.result.model_copy(update={"layer_weights": {"input": mixes}})
        name = f"a-deep-one-with-a-long-name-{entry.features}"
        deep.append(entry.model_copy(update={"result": more, "features": name}))
    table = layer_weight_table([*RECORDS, *deep])
    assert list(table)[-5:] == ["s0", "s1", "s2", "s3", "γ"]
    store = RecordStore(tmp_path)
    for i, entry in enumerate([*RECORDS, *deep]):
        store.write(entry.model_copy(update={"cell": f"{i:016d}".ljust(64, "0")}))
    printed = {}
    for width in (80, 200):
        out = io.StringIO()
        print_report(make_report(tmp_path), Console(file=out, width=width))
        printed[width] = out.getvalue()
        (line,) = [x for x in printed[width].splitlines() if "long-name-a" in x and "2.00" in x]
        assert line.count("0.25") == 4
    assert "(means; the report has standard deviations)" in printed[80]
    assert "(means" not in printed[200]


@pytest.mark.parametrize(("layers", "width"), [(7, 80), (13, 80)])
def test_many_layers_and_a_path_as_name_keep_all_digits(
    layers: int, width: int, tmp_path: Path
) -> None:
    import io

    from rich.console import Console

    from elmobench.analysis.report.terminal import print_report

    weights = [round(0.11 + 0.01 * layer, 2) for layer in range(layers)]
    name = "bert:/home/someone/models/a-folder-with-a-long-name"
    store = RecordStore(tmp_path)
    for i, entry in enumerate(RECORDS):
        assert entry.result is not None
        mixes = {"e": {"s": weights, "gamma": 2.0, "w": [0.0] * layers}}
        result = entry.result.model_copy(update={"layer_weights": {"input": mixes}})
        update = {"result": result, "features": name, "cell": f"{i:016d}".ljust(64, "0")}
        store.write(entry.model_copy(update=update))
    out = io.StringIO()
    print_report(make_report(tmp_path), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Layer weights"))
    end = next(i for i, line in enumerate(lines) if line.startswith("Costs"))
    rows = [line.split()[1:] for line in lines[start:end] if line.startswith("  bert:")]
    assert [float(cell) for row in rows for cell in row] == [*weights, 2.0]
    assert len(rows) == 1 + (layers == 13)
    assert max(map(len, lines)) <= width


def test_costs() -> None:
    (a, _) = cost_table(RECORDS).to_dict("records")
    assert a["provider parameters"] == "7"
    assert a["bytes per token"] == 12
    assert a["train s per cell"] == "4.0"
    assert a["peak MB"] == 10


def test_costs_of_encoding_are_summed_over_workers(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    entry = RECORDS[0]
    store.write(entry)
    one = {"task": entry.task, "fingerprint": entry.identity["parts"][0]["fingerprint"]}
    store.add_cost({**one, "seconds": 3.0, "cpu": 2.0, "encoded_tokens": 1_000})
    store.add_cost({**one, "seconds": 1.0, "cpu": 0.5, "encoded_tokens": 1_000})
    (row,) = cost_table([entry], tmp_path).to_dict("records")
    assert (row["encode s"], row["encode cpu s"], row["µs per token"]) == ("4.0", "2.5", "2000")
    # One row has no processor time: a partial sum would mislead.
    store.add_cost({**one, "seconds": 1.0, "encoded_tokens": 0})
    (row,) = cost_table([entry], tmp_path).to_dict("records")
    assert row["encode s"] == "5.0"
    assert "encode cpu s" not in row


def test_report_is_written_and_escapes_pipes(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for entry in [*RECORDS, record("b", 2, 0.0, 0.0, status="failed")]:
        store.write(entry)
    report = make_report(tmp_path)
    paths = write_report(report, tmp_path)
    assert {p.name for p in paths} >= {"report.md", "scores.csv", "cells.csv"}
    text = to_markdown(report)
    assert "ner/t\\|pipe" in text
    assert "> take care" in text
    assert "it broke" in text
    assert len(load_results(tmp_path)) == 5


def test_no_records_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run records here"):
        make_report(tmp_path)
    with pytest.raises(DataError, match="no run records here"):
        load_results(tmp_path)


def test_the_terminal_report_fits_eighty_columns(tmp_path: Path) -> None:
    import io

    from rich.console import Console

    from elmobench.analysis.report.terminal import print_report

    store = RecordStore(tmp_path)
    for entry in RECORDS:
        store.write(entry)
    out = io.StringIO()
    print_report(make_report(tmp_path), Console(file=out, width=80))
    text = out.getvalue()
    assert "ner/t|pipe · linear (f1, seeds 1–3)" in text
    assert "51.67 ± 1.53" in text
    assert "0.30 ± 0.10" in text
    assert max(map(len, text.splitlines())) <= 80
