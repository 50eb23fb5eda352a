"""Build a network with frozen weights from ``options.json`` and ``weights.hdf5``."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing
from elmobench.features.arithmetic import LARGEST_WEIGHT
from elmobench.features.elmo.bilstm import BiLstm, Directions, LstmLayer
from elmobench.features.elmo.char_cnn import CharCnn, Highway
from elmobench.features.elmo.characters import N_IDS
from elmobench.features.elmo.fused import FusedBiLstm, FusedLayer
from elmobench.features.elmo.options import MOST_VALUES, ElmoOptions
from elmobench.features.frozen_linear import FrozenLinear

# Terms per block of a sum (see FrozenLinear): oneDNN's long sums are less accurate than AllenNLP's.
# The CNN runs once per word, so small blocks cost little; with 512 terms per block, the error of a
# trained model's layer 0 is 1e-5. In the biLSTM, the projection has the longest sums and the least
# work.
_CNN_BLOCK: Final = 64
_PROJECTION_BLOCK: Final = 256
_PROJECTION_BLOCKS: Final = 4

# HDF5 can compress datasets; one of which nothing is stored would be read as zeros.
_LARGEST_RATIO: Final = 2000

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ElmoNetwork:
    """The two halves of ELMo, and the number of values in their weights."""

    char_cnn: CharCnn
    bilstm: BiLstm | FusedBiLstm
    parameters: int


def expected_shapes(options: ElmoOptions) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of all datasets of a model with these options."""
    cnn, lstm = options.char_cnn, options.lstm
    width, c, p = cnn.n_filters, lstm.dim, lstm.projection_dim
    shapes: dict[str, tuple[int, ...]] = {"char_embed": (N_IDS - 1, cnn.embedding.dim)}
    for i, (span, count) in enumerate(cnn.filters):
        shapes[f"CNN/W_cnn_{i}"] = (1, span, cnn.embedding.dim, count)
        shapes[f"CNN/b_cnn_{i}"] = (count,)
    for i in range(cnn.n_highway):
        for gate in ("carry", "transform"):
            shapes[f"CNN_high_{i}/W_{gate}"] = (width, width)
            shapes[f"CNN_high_{i}/b_{gate}"] = (width,)
    if width != p:
        shapes["CNN_proj/W_proj"] = (width, p)
        shapes["CNN_proj/b_proj"] = (p,)
    for direction in range(2):
        for i in range(lstm.n_layers):
            cell = cell_name(direction, i)
            shapes[f"{cell}/W_0"] = (2 * p, 4 * c)
            shapes[f"{cell}/B"] = (4 * c,)
            shapes[f"{cell}/W_P_0"] = (c, p)
    return shapes


def cell_name(direction: int, layer: int) -> str:
    """Return the HDF5 group of one layer; direction 0 is forward, 1 is backward."""
    return f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"


def read_weights(path: Path, options: ElmoOptions) -> dict[str, NDArray[np.float32]]:
    """Read all datasets of a weight file and check them against ``options``.

    Raises:
        ModelError: if the file is not HDF5 or is truncated, or if a dataset is missing or has
            another shape than the options give, or values that are not finite floats.
    """
    if not os.path.isfile(path):
        raise ModelError("no such file", where=str(path))
    wanted = expected_shapes(options)
    check_size(wanted, str(path))
    arrays = {}
    with parsing(
        path,
        ModelError,
        what="not a readable HDF5 file",
        fix="fetch it again: it is truncated, damaged or not HDF5",
    ):
        try:
            with h5py.File(path, "r") as file:
                # If the filters are as wide as the projection, only some files have a projection.
                if "CNN_proj/W_proj" not in wanted and "CNN_proj/W_proj" in file:
                    p = options.lstm.projection_dim
                    wanted |= {"CNN_proj/W_proj": (p, p), "CNN_proj/b_proj": (p,)}
                for name, shape in wanted.items():
                    arrays[name] = _read_dataset(file, name, shape, path)
                _refuse_more(file, options, path)
        except RuntimeError as error:
            raise ValueError(str(error)) from error  # h5py's word for some kinds of damage
    return arrays


def check_size(shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
    """Raise ModelError for more than :data:`MOST_VALUES` values, before they are allocated."""
    values = sum(math.prod(shape) for shape in shapes.values())
    if values > MOST_VALUES:
        raise ModelError(
            f"the options give a model of {values:,} values; the most are {MOST_VALUES:,}",
            where=where,
            fix="check the sizes in options.json, such as lstm.dim",
        )


def _refuse_more(file: Any, options: ElmoOptions, path: Path) -> None:
    """Raise ModelError if the file has more filters or layers than the options give."""
    cnn, lstm = options.char_cnn, options.lstm
    for what, number, name in (
        ("filter widths", len(cnn.filters), f"CNN/W_cnn_{len(cnn.filters)}"),
        ("highway layers", cnn.n_highway, f"CNN_high_{cnn.n_highway}"),
        ("biLSTM layers", lstm.n_layers, cell_name(0, lstm.n_layers)),
    ):
        if name in file:
            raise ModelError(
                f"has {name!r}, but the options give {number} {what}",
                where=str(path),
                fix="check that options.json and the weights belong to the same ELMo model",
            )


def _read_dataset(file: Any, name: str, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise ModelError(
            f"dataset {name!r} is missing",
            where=str(path),
            fix="check that options.json and the weights belong to the same ELMo model",
        )
    if dataset.shape != shape:
        raise ModelError(
            f"dataset {name!r} has shape {dataset.shape}, but the options require {shape}",
            where=str(path),
            fix="check that options.json and the weights belong to the same ELMo model",
        )
    if dataset.dtype.kind != "f":
        raise ModelError(
            f"dataset {name!r} has type {dataset.dtype}, not floats",
            where=str(path),
            fix="this is not an ELMo weight file, or not one of the published format",
        )
    if dataset.is_virtual or dataset.external:
        raise ModelError(
            f"dataset {name!r} takes its values from other files",
            where=str(path),
            fix="write them into this file",
        )
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > _LARGEST_RATIO * stored:
        raise ModelError(
            f"dataset {name!r} should hold {dataset.nbytes:,} bytes, but {stored:,} are stored",
            where=str(path),
            fix="fetch the weights again",
        )
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = dataset[...].astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelError(
            f"dataset {name!r} contains values that are not finite",
            where=str(path),
            fix="fetch the weights again",
        )
    largest = float(np.abs(values).max(initial=0))
    if largest > LARGEST_WEIGHT:
        raise ModelError(
            f"dataset {name!r} contains the value {largest:.3g}, as no trained model does",
            where=str(path),
            fix="fetch the weights again",
        )
    return values


def build_network(
    options: ElmoOptions,
    arrays: Arrays,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    fused: bool | None = None,
) -> ElmoNetwork:
    """Build the network from datasets whose shapes have been checked.

    Args:
        options: of the model.
        arrays: its datasets.
        dtype: of the biLSTM's products; the character CNN is always float32.
        device: of the network.
        fused: run both directions as one product; None to decide by the device.
    """
    cnn = options.char_cnn
    embedding = np.concatenate([np.zeros_like(arrays["char_embed"][:1]), arrays["char_embed"]])

    def product(weight: str, bias: str, inputs: int | None = None) -> FrozenLinear:
        matrix = arrays[weight]
        if inputs is not None:
            matrix = matrix.reshape(inputs, -1)
        return FrozenLinear(_tensor(matrix), _tensor(arrays[bias]), device=device, block=_CNN_BLOCK)

    # These sums are short, so no blocks: at most 7 characters of 16 values in the published models.
    filters = tuple(
        FrozenLinear(
            _tensor(arrays[f"CNN/W_cnn_{i}"].reshape(width * cnn.embedding.dim, -1)),
            _tensor(arrays[f"CNN/b_cnn_{i}"]),
            device=device,
        )
        for i, (width, _) in enumerate(cnn.filters)
    )
    highways = tuple(
        Highway(
            transform=product(f"CNN_high_{i}/W_transform", f"CNN_high_{i}/b_transform"),
            gate=product(f"CNN_high_{i}/W_carry", f"CNN_high_{i}/b_carry"),
        )
        for i in range(cnn.n_highway)
    )
    projection = None
    if "CNN_proj/W_proj" in arrays:
        projection = product("CNN_proj/W_proj", "CNN_proj/b_proj")
    cells = [
        [_cell_weights(arrays, cell_name(d, i)) for i in range(options.lstm.n_layers)]
        for d in range(2)
    ]
    if fused is None:
        fused = device != "cpu"
    bilstm = (
        FusedBiLstm(options.lstm, _fused_layers(cells, dtype, device))
        if fused
        else BiLstm(options.lstm, _directions(cells, dtype, device), dtype)
    )
    return ElmoNetwork(
        char_cnn=CharCnn(cnn, _tensor(embedding).to(device), filters, highways, projection),
        bilstm=bilstm,
        parameters=sum(array.size for array in arrays.values()),
    )


@dataclass(frozen=True)
class _CellWeights:
    """Weights of one layer in one direction: (2P, 4C) gates, (4C,) bias, (C, P) projection."""

    gates: Tensor
    bias: Tensor
    projection: Tensor


def _cell_weights(arrays: Arrays, cell: str) -> _CellWeights:
    i, j, f, o = np.split(arrays[f"{cell}/W_0"], 4, axis=1)
    weights = np.concatenate([i, f, o, j], axis=1)
    i, j, f, o = np.split(arrays[f"{cell}/B"], 4)
    # The published graphs add 1 to the forget gate at run time; it is not in the file.
    bias = np.concatenate([i, f + np.float32(1), o, j])
    return _CellWeights(_tensor(weights), _tensor(bias), _tensor(arrays[f"{cell}/W_P_0"]))


def _directions(cells: list[list[_CellWeights]], dtype: torch.dtype, device: str) -> Directions:
    n_cells = len(cells[0][0].projection)
    block = min(_PROJECTION_BLOCK, max(1, n_cells // _PROJECTION_BLOCKS))
    forward, backward = (
        tuple(
            LstmLayer(
                gates=FrozenLinear(cell.gates, cell.bias, dtype, device),
                projection=FrozenLinear(cell.projection, None, dtype, device, block),
            )
            for cell in layers
        )
        for layers in cells
    )
    return forward, backward


def _fused_layers(
    cells: list[list[_CellWeights]], dtype: torch.dtype, device: str
) -> tuple[FusedLayer, ...]:
    layers = []
    for pair in zip(*cells, strict=True):
        gates, bias, projection = (
            torch.stack(weights).to(device=device, dtype=dtype)
            for weights in zip(*[(c.gates, c.bias[None], c.projection) for c in pair], strict=True)
        )
        p = projection.shape[2]
        layers.append(FusedLayer(gates[:, :p], gates[:, p:], bias, projection))
    return tuple(layers)


def _tensor(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32).copy())
