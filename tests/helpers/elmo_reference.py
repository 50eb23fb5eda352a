"""ELMo in float64 numpy, written from the published semantics one token at a time, and tiny
models in the published file format. Shares no code with the package."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

PUBLIC_TINY = {
    "char_cnn": {
        "activation": "relu",
        "embedding": {"dim": 4},
        "filters": [[1, 4], [2, 6], [3, 8]],
        "max_characters_per_token": 50,
        "n_characters": 262,
        "n_highway": 2,
    },
    "lstm": {
        "cell_clip": 3,
        "dim": 12,
        "n_layers": 2,
        "proj_clip": 3,
        "projection_dim": 5,
        "use_skip_connections": True,
    },
}


def reference_ids(token: str) -> list[int]:
    if token == "<S>":
        core = [256]
    elif token == "</S>":
        core = [257]
    else:
        core = []
        for character in token:
            if not 0xD800 <= ord(character) <= 0xDFFF:
                core += list(character.encode("utf-8"))
        core = core[:48]
    ids = [258, *core, 259]
    ids += [260] * (50 - len(ids))
    return [i + 1 for i in ids]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Reference:
    """A model read into float64."""

    def __init__(self, options: Path, weights: Path) -> None:
        self.options = json.loads(options.read_text())
        self.arrays = {}
        with h5py.File(weights) as file:
            file.visititems(
                lambda name, item: (
                    self.arrays.__setitem__(name, item[...].astype(np.float64))
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )

    def type_vector(self, token: str) -> np.ndarray:
        a, cnn = self.arrays, self.options["char_cnn"]
        table = np.vstack([np.zeros((1, a["char_embed"].shape[1])), a["char_embed"]])
        chars = table[reference_ids(token)]
        pooled = []
        for i, (width, count) in enumerate(cnn["filters"]):
            kernel = a[f"CNN/W_cnn_{i}"][0]
            best = np.full(count, -np.inf)
            for start in range(50 - width + 1):
                window = np.einsum("we,wef->f", chars[start : start + width], kernel)
                best = np.maximum(best, window + a[f"CNN/b_cnn_{i}"])
            pooled.append(best)
        x = np.concatenate(pooled)
        x = np.maximum(x, 0) if cnn["activation"] == "relu" else np.tanh(x)
        for i in range(cnn["n_highway"]):
            gate = _sigmoid(x @ a[f"CNN_high_{i}/W_carry"] + a[f"CNN_high_{i}/b_carry"])
            new = np.maximum(x @ a[f"CNN_high_{i}/W_transform"] + a[f"CNN_high_{i}/b_transform"], 0)
            x = gate * new + (1 - gate) * x
        return x @ a["CNN_proj/W_proj"] + a["CNN_proj/b_proj"]

    def zero_state(self) -> dict:
        c, p = self.options["lstm"]["dim"], self.options["lstm"]["projection_dim"]
        return {
            (d, i): (np.zeros(p), np.zeros(c))
            for d in range(2)
            for i in range(self.options["lstm"]["n_layers"])
        }

    def encode(self, sentence, state: dict | None = None, boundaries: bool = False):
        """All layers (L, T, 2P) and the final state; begin and end of sentence are removed."""
        a, lstm = self.arrays, self.options["lstm"]
        cell_clip = lstm["cell_clip"] or np.inf
        proj_clip = lstm["proj_clip"] or np.inf
        state = dict(state or self.zero_state())
        types = [self.type_vector(token) for token in ("<S>", *sentence, "</S>")]
        outputs = np.zeros((lstm["n_layers"], len(types), 2 * lstm["projection_dim"]))
        p = lstm["projection_dim"]
        for d in range(2):
            inputs = types if d == 0 else types[::-1]
            for layer in range(lstm["n_layers"]):
                cell = f"RNN_{d}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
                h, c = state[d, layer]
                out = []
                for x in inputs:
                    z = np.concatenate([x, h]) @ a[f"{cell}/W_0"] + a[f"{cell}/B"]
                    i, j, f, o = np.split(z, 4)
                    c = _sigmoid(i) * np.tanh(j) + _sigmoid(f + 1) * c
                    c = np.clip(c, -cell_clip, cell_clip)
                    h = np.clip(
                        (_sigmoid(o) * np.tanh(c)) @ a[f"{cell}/W_P_0"], -proj_clip, proj_clip
                    )
                    out.append(h)
                state[d, layer] = (h, c)
                if layer > 0 and lstm["use_skip_connections"]:
                    out = [o + x for o, x in zip(out, inputs, strict=True)]
                aligned = out if d == 0 else out[::-1]
                outputs[layer, :, d * p : (d + 1) * p] = np.stack(aligned)
                inputs = out
        first = np.stack([np.concatenate([t, t]) for t in types])[None]
        layers = np.concatenate([first, outputs])
        return layers if boundaries else layers[:, 1:-1], state


def write_model(folder: Path, seed: int = 0, **changes) -> tuple[Path, Path]:
    """A random model with large enough weights that both clips are hit.

    ``changes`` are merged into the options' blocks ``char_cnn`` and ``lstm``.
    """
    options = json.loads(json.dumps(PUBLIC_TINY))
    for block, values in changes.items():
        options[block] |= values
    rng = np.random.default_rng(seed)
    cnn, lstm = options["char_cnn"], options["lstm"]
    width = sum(n for _, n in cnn["filters"])
    p, c = lstm["projection_dim"], lstm["dim"]
    arrays = {"char_embed": rng.normal(size=(261, cnn["embedding"]["dim"]))}
    for i, (w, n) in enumerate(cnn["filters"]):
        arrays[f"CNN/W_cnn_{i}"] = rng.normal(size=(1, w, cnn["embedding"]["dim"], n)) * 0.4
        arrays[f"CNN/b_cnn_{i}"] = rng.normal(size=n)
    for i in range(cnn["n_highway"]):
        for gate in ("carry", "transform"):
            arrays[f"CNN_high_{i}/W_{gate}"] = rng.normal(size=(width, width)) / width**0.5
            arrays[f"CNN_high_{i}/b_{gate}"] = rng.normal(size=width)
    arrays["CNN_proj/W_proj"] = rng.normal(size=(width, p)) / width**0.5
    arrays["CNN_proj/b_proj"] = rng.normal(size=p)
    for d in range(2):
        for i in range(lstm["n_layers"]):
            cell = f"RNN_{d}/RNN/MultiRNNCell/Cell{i}/LSTMCell"
            # Weak recurrence: a chaotic model would magnify rounding errors without end.
            kernel = rng.normal(size=(2 * p, 4 * c)) * 0.7
            kernel[p:] *= 0.2
            arrays[f"{cell}/W_0"] = kernel
            arrays[f"{cell}/B"] = rng.normal(size=4 * c)
            arrays[f"{cell}/W_P_0"] = rng.normal(size=(c, p)) * 0.9
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(options))
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array.astype(np.float32))
    return folder / "options.json", folder / "weights.hdf5"
