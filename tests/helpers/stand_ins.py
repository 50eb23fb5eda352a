"""Small stand-ins, under the published names, for all data and models that would be downloaded.

Cards and catalog are the shipped ones; only digests, sizes, counts and expected shapes are those of
the small files, which lie in a mirror folder under their published addresses.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import elmo_reference
import official_formats
import pytest
import tiny_transformers
import yaml

from elmobench.core import paths
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.published_data import PublishedDataset
from elmobench.features.catalog import catalog
from elmobench.tasks.registries import HEADS

ROOT = Path(__file__).resolve().parents[2]

OFFICIAL = (
    *("qa/squad", "nli/snli", "sentiment/sst5", "wsd/raganato", "wsd/raganato-all"),
    "coref/gap",  # its pipeline's control has another kind of examples
)
"""Shipped tasks that get files in their official format."""

_GLOVE_6B = (50, 100, 200, 300)
_ELMO = ("elmo-original", "elmo-original-5.5b")


def write(root: Path) -> None:
    """Write data, models, cards and catalog below ``root``.

    Cards of tasks that are not in ``OFFICIAL`` have some examples of their pipeline's control.
    """
    mirror = root / "mirror"
    _write_data(mirror)
    _write_models(mirror, root)
    _write_catalog(mirror, root / "models.yaml")
    for card in sorted((ROOT / "tasks").rglob("*.yaml")):
        _write_card(card, root / "tasks" / card.parent.name / card.name, mirror)


def use(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make elmobench use what :func:`write` wrote below ``root``."""
    original = paths.builtin
    monkeypatch.setattr(
        paths, "builtin", lambda kind: root / "tasks" if kind == "tasks" else original(kind)
    )
    monkeypatch.setattr(catalog, "_KNOWN", root / "models.yaml")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(root / "mirror"))
    # A test set of any size counts as the published one, so that verdicts are given.
    monkeypatch.setattr(PublishedDataset, "size_mismatch", lambda self, examples: None)
    _train_one_epoch(monkeypatch)


def _train_one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every head preset one epoch and no search; all else is as published.

    The presets themselves change, so cells with them count as runs of the published settings.
    """
    for name in HEADS.names():
        preset = HEADS.get(name)
        training = preset.training.model_copy(update={"epochs": 1, "patience": 1, "grid": {}})
        monkeypatch.setitem(HEADS._entries, name, replace(preset, training=training))


def address(mirror: Path, url: str) -> Path:
    """The file of ``url`` in the mirror."""
    parts = urlsplit(url)
    return mirror / (parts.hostname or "") / parts.path.lstrip("/")


def _card(name: str) -> dict[str, Any]:
    return read_yaml(ROOT / "tasks" / f"{name}.yaml")


def _write_data(mirror: Path) -> None:
    """Write the data of ``OFFICIAL`` at the addresses that the shipped cards name."""
    splits = _card("nli/snli")["splits"]
    official_formats.snli(address(mirror, splits["train"][0]["url"]), (9, 6, 6))
    splits = _card("qa/squad")["splits"]
    # The card's dev set are 22 of the articles.
    official_formats.squad(address(mirror, splits["train"][0]["url"]), 28, "a")
    official_formats.squad(address(mirror, splits["test"][0]["url"]), 4, "b")
    splits = _card("sentiment/sst5")["splits"]
    for split, size in (("train", 10), ("dev", 5), ("test", 5)):
        official_formats.sst_trees(address(mirror, splits[split][0]["url"]), size)
    for sources in _card("coref/gap")["splits"].values():
        official_formats.gap(address(mirror, sources[0]["url"]), 12)
    for card in ("wsd/raganato", "wsd/raganato-all"):
        splits = _card(card)["splits"]
        train = splits["train"][0]
        for name in ("br-a01", "br-a02"):
            path = f"{train['base']}/brown1/tagfiles/{name}"
            official_formats.semcor_file(address(mirror, path), 6)
        inventory = train["beside"]["inventory"][0]
        official_formats.open_english_wordnet(
            address(mirror, f"{inventory['base']}/entries-a.yaml")
        )
        for source in (*splits["dev"], *splits["test"]):
            file = address(mirror, source["url"])
            official_formats.raganato(file.parent, source["options"]["dataset"], 4)


def _write_models(mirror: Path, folder: Path) -> None:
    """Write models at the addresses of the catalog."""
    entries = _catalog()["models"]
    for name, seed in zip(_ELMO, range(len(_ELMO)), strict=True):
        files = elmo_reference.write_model(folder / name, seed)
        for role, file in zip(("options", "weights"), files, strict=True):
            target = address(mirror, entries[name]["files"][role]["url"])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    for name, dims in (("glove-6b-50d", _GLOVE_6B), ("glove-840b-300d", (300,))):
        entry = entries[name]
        target = address(mirror, entry["files"]["vectors"]["url"])
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w") as archive:
            for dim in dims:
                member = entry["options"]["member"].replace("50d", f"{dim}d")
                archive.writestr(member, official_formats.glove_text(dim))


def write_planned_models(folder: Path) -> None:
    """Write the models that the plans in ``experiments/pretrain`` train, with a catalog of them."""
    own: dict[str, Any] = {}
    shipped = catalog.ModelCatalog().names()
    for plan in sorted((ROOT / "experiments" / "pretrain").glob("*.yaml")):
        for name, model in read_yaml(plan)["models"].items():
            if name in shipped or name in own:
                continue
            place = folder / name
            if model["kind"] == "glove":
                place.mkdir(parents=True)
                (place / "vectors.txt").write_text(official_formats.glove_text(20), "utf-8")
                files, provider = {"vectors": "vectors.txt"}, "static"
            elif model["kind"] == "bilm":
                elmo_reference.write_model(place, seed=len(own))
                files = {"options": "options.json", "weights": "weights.hdf5"}
                provider = "elmo"
            else:
                tiny_transformers.bert(place, num_hidden_layers=4)
                files = {file.name: file.name for file in sorted(place.iterdir())}
                provider = "transformer"
            own[name] = {
                "provider": provider,
                "files": {role: {"path": f"{name}/{file}"} for role, file in files.items()},
                "description": f"stands in for {name}",
            }
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": own}), "utf-8")


def _catalog() -> dict[str, Any]:
    return read_yaml(catalog._KNOWN)


def _write_catalog(mirror: Path, target: Path) -> None:
    """Write the shipped catalog with the digests of the small files and without expected shapes.

    Files without a published digest have none here either.
    """
    content = _catalog()
    for entry in content["models"].values():
        entry.pop("expect", None)
        for file in entry.get("files", {}).values():
            path = address(mirror, file["url"])
            if not path.is_file():
                continue
            file.pop("bytes", None)
            if "sha256" in file:
                file["sha256"] = _sha256(path)
    target.write_text(yaml.safe_dump(content), "utf-8")


def _write_card(card: Path, target: Path, mirror: Path) -> None:
    """Write a shipped card with the digests of its small files, or with examples of a control."""
    target.parent.mkdir(parents=True, exist_ok=True)
    raw = read_yaml(card)
    raw.pop("counts", None)
    if f"{card.parent.name}/{card.stem}" in OFFICIAL:
        for sources in raw["splits"].values():
            for source in sources:
                _adapt(source, target.parent, mirror)
    else:
        for field in ("labels", "split"):
            raw.pop(field, None)
        sizes = {"train": 20, "dev": 10, "test": 10}
        made = {"name": f"control-{raw['pipeline']}", "options": {"sizes": sizes}}
        raw["splits"] = {split: [{"generate": made}] for split in official_formats.SPLITS}
    target.write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")


def _adapt(source: dict[str, Any], folder: Path, mirror: Path) -> None:
    """Give a source of a card the digests of its files in the mirror."""
    for others in source.get("beside", {}).values():
        for other in others:
            _adapt(other, folder, mirror)
    if "url" in source:
        path = address(mirror, source["url"])
        for field in ("git_blob_sha1", "bytes"):
            source.pop(field, None)
        source["sha256"] = _sha256(path)
        if "lines" in source:
            source["lines"] = [1, len(path.read_text("utf-8").splitlines())]
    else:
        base = address(mirror, source["base"])
        files = sorted(path for path in base.rglob("*") if path.is_file())
        rows = (f"{f.relative_to(base)}\t{_sha256(f)}\t{f.stat().st_size}\n" for f in files)
        (folder / source["files"]).write_text("".join(rows), "utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
