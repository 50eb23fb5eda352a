"""How a word is looked up in static vectors can be stated in a features spec."""

from __future__ import annotations

import numpy as np
import pytest

from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features

WORDS = ["Rome", "rome", "ROME", "gone"]


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("rome 1 2\nRome 3 4\n", "utf-8")
    return path


def encoded(spec: str) -> list[list[float]]:
    (part,) = parse_features(spec).parts
    provider = ModelCatalog().load(part.name, dict(part.settings))
    return np.asarray(provider.encode_types(WORDS)[0]).tolist()


def test_case(vectors) -> None:
    name = f"static:{vectors}"
    zero = [0.0, 0.0]
    assert encoded(f"{name}@case=keep") == [[3, 4], [1, 2], zero, zero]
    assert encoded(f"{name}@case=lower") == [[1, 2], [1, 2], [1, 2], zero]
    assert encoded(f"{name}@case=keep-then-lower") == [[3, 4], [1, 2], [1, 2], zero]


def test_unknown_words(vectors) -> None:
    assert encoded(f"static:{vectors}@case=keep@unknown=mean")[2:] == [[2, 3], [2, 3]]


def test_other_values_and_other_providers_are_refused(vectors) -> None:
    with pytest.raises(ConfigError, match="case"):
        encoded(f"static:{vectors}@case=upper")
    with pytest.raises(ConfigError, match="case"):
        encoded("elmo-mini@case=lower")
