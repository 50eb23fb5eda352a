"""``elmobench.Elmo`` against ``allennlp.modules.elmo.Elmo`` itself, where its environment is."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import elmo_jobs
import numpy as np
import pytest
import torch
import torchcrf
from elmo_reference import Reference
from shown_output import ROOT, assert_same_output, blocks

import elmobench
from elmobench.features.allennlp.environment import require_environment, worker_environment

pytestmark = pytest.mark.slow
ASK = 5e-6
STEPS = 20
PAGE = ROOT / "docs" / "guides" / "from-allennlp.md"
MINI = files("elmobench") / "models" / "elmo-mini"
FILES = {"options": str(MINI / "options.json"), "weights": str(MINI / "weights.hdf5")}

# Odd tokens, an empty row, and one sentence that is much longer than the others.
ODD = [
    ["Zürich", "日本", "naïve", "", "é" * 30, "😀", "x" * 60, "<S>", "</S>"],
    [],
    [""],
    ["In", "1904", ",", "two", "villages", "agreed", "to", "build", "it"] * 6,
    ["Hello"],
]
MIXES = {
    "scalar_mix_0.scalar_parameters.0": 0.7,
    "scalar_mix_0.scalar_parameters.2": -0.4,
    "scalar_mix_0.gamma": 1.3,
    "scalar_mix_1.scalar_parameters.1": 2.0,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "boundaries": {"keep_sentence_boundaries": True},
    "layer norm": {"do_layer_norm": True},
    "layer norm, boundaries": {"do_layer_norm": True, "keep_sentence_boundaries": True},
}


def allennlp_runs(jobs: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """The arrays of ``jobs``, computed by AllenNLP in its own environment."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    out = subprocess.run(
        [
            require_environment("a test").python,
            "-I",
            elmo_jobs.__file__,
            folder / "jobs.json",
            folder / "out.npz",
        ],
        env=worker_environment() | {"ALLENNLP_CACHE_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr[-3000:]
    with np.load(folder / "out.npz") as arrays:
        return dict(arrays)


def both(jobs: dict[str, Any], folder: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    ours, theirs = elmo_jobs.run(elmobench, jobs), allennlp_runs(jobs, folder)
    assert ours.keys() == theirs.keys()
    return ours, theirs


def job(kind: str, mixes: int, batches: list[list[list[str]]], **settings: Any) -> dict[str, Any]:
    settings = {"num_output_representations": mixes, **settings}
    return {**FILES, "kind": kind, "settings": settings, "batches": batches}


@pytest.mark.shared
@pytest.mark.parametrize("count", [STEPS * 8, pytest.param(500, marks=pytest.mark.nightly)])
def test_vectors_and_losses_on_real_sentences(allennlp, shared, monkeypatch, tmp_path, count):
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(shared / "mirror"))
    examples = elmobench.load_task("ner/uner-ewt").split("train")
    chosen = list({example.tokens: example for example in examples}.values())[:count]
    names = sorted({tag for example in chosen for tag in example.tags})
    tokens = [[list(e.tokens) for e in chosen[i : i + 50]] for i in range(0, count, 50)]
    batches = [chosen[i : i + 8] for i in range(0, 8 * STEPS, 8)]
    small = [[list(e.tokens) for e in batch] for batch in batches]
    training = {
        "labels": len(names),
        "tags": [[[names.index(tag) for tag in e.tags] for e in batch] for batch in batches],
    }
    jobs = {
        "vectors": job("vectors", 1, tokens),
        "plain": job("losses", 2, small, dropout=0.0) | training,
        "layer norm": job("losses", 1, small, dropout=0.0, do_layer_norm=True) | training,
        "dropout": job("losses", 1, small, dropout=0.5) | training,
    }
    ours, theirs = both(jobs, tmp_path)
    worst = compare_vectors(ours, theirs, tokens)
    print(f"largest difference over {count} sentences: {worst:.3g}")
    for name in ("plain", "layer norm", "dropout"):
        losses, others = ours[f"{name}/losses"], theirs[f"{name}/losses"]
        print(f"{name}: losses {losses[0]:.3f} to {losses[-1]:.3f}, largest difference", end=" ")
        print(f"{np.abs(losses - others).max():.3g}")
        assert losses.shape == (STEPS,)
        assert losses[-5:].mean() < 0.5 * losses[0]
        np.testing.assert_allclose(losses, others, rtol=0, atol=1e-4)
        np.testing.assert_allclose(ours[f"{name}/mixes"], theirs[f"{name}/mixes"], atol=1e-4)
    assert np.abs(ours["plain/mixes"] - [1, 0, 0, 0] * 2).min() > 1e-4  # they have moved


def compare_vectors(ours, theirs, batches) -> float:
    """The largest difference. On some processors AllenNLP's own sums err by more than the bound
    where vectors are large: then float64 decides, and ours has to be the nearer one."""
    worst, apart = 0.0, []
    for i, batch in enumerate(batches):
        for kind in ("ids", "mask"):
            assert np.array_equal(ours[f"vectors/{kind}{i}"], theirs[f"vectors/{kind}{i}"])
        found, expected = ours[f"vectors/mix0 of {i}"], theirs[f"vectors/mix0 of {i}"]
        assert found.shape == expected.shape
        for b, sentence in enumerate(batch):
            difference = float(np.abs(found[b] - expected[b]).max())
            worst = max(worst, difference)
            if difference > ASK:
                apart.append((sentence, found[b], expected[b]))
    assert len(apart) <= 10
    reference = Reference(Path(FILES["options"]), Path(FILES["weights"]))
    for sentence, found_row, expected_row in apart:
        exact = reference.encode(sentence)[0].mean(axis=0)
        errors = [np.abs(row[: len(exact)] - exact).max() for row in (found_row, expected_row)]
        assert errors[0] < min(ASK, errors[1])
    return worst


def page_job(folder: Path) -> tuple[dict[str, Any], str]:
    """The guide's examples with AllenNLP's import line, and the output that it shows."""
    first, *examples = [b for b in blocks(PAGE) if b.language == "python"]
    assert "options_file, weight_file =" in first.text
    assert all("from elmobench import Elmo, batch_to_ids\n" in b.text for b in examples)
    code = "\n".join(b.text for b in examples)
    code = code.replace("from elmobench import", "from allennlp.modules.elmo import")
    assert "elmobench" not in code
    code = f"options_file, weight_file = {FILES['options']!r}, {FILES['weights']!r}\n{code}"
    # The CRF is a package of one file, which is not in AllenNLP's environment.
    shutil.copytree(Path(torchcrf.__file__).parent, folder / "crf" / "torchcrf")
    work = {"kind": "page", "code": code, "path": str(folder / "crf")}
    return work, "".join(b.output or "" for b in examples)


def test_every_setting_a_state_of_allennlp_and_the_guide(allennlp, tmp_path):
    jobs = {
        name: job("vectors", 2, [ODD, ODD[3:]], **settings) | {"mixes": MIXES}
        for name, settings in SETTINGS.items()
    }
    jobs["given"] = job("vectors", 1, [ODD], scalar_mix_parameters=[-9e10, 1.0, -9e10])
    more = {"state": job("state", 2, []) | {"mixes": MIXES}}
    more["page"], shown = page_job(tmp_path)
    theirs = allennlp_runs(jobs | more, tmp_path)
    assert_same_output(shown, str(theirs.pop("page/printed")), str(PAGE))
    ours = elmo_jobs.run(elmobench, jobs)
    assert ours.keys() == {name for name in theirs if not name.startswith("state/")}
    for name in ours:
        assert ours[name].shape == theirs[name].shape, name
        assert np.abs(ours[name].astype(float) - theirs[name]).max() <= ASK, name
    state = {
        name.removeprefix("state/"): torch.from_numpy(array)
        for name, array in theirs.items()
        if name.startswith("state/")
    }
    assert len(state) > 20
    elmo = elmobench.Elmo(FILES["options"], FILES["weights"], 2, dropout=0.0)
    elmo.load_state_dict(state)
    found = elmo(elmobench.batch_to_ids(ODD))["elmo_representations"]
    for k, mixed in enumerate(found):
        assert np.array_equal(mixed.detach().numpy(), ours[f"plain/mix{k} of 0"])
