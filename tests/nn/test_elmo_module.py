"""``elmobench.Elmo`` against a float64 reference, and as a part of somebody's network."""

from __future__ import annotations

import copy
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from elmo_reference import Reference, write_model

from elmobench import Elmo, batch_to_ids
from elmobench.core.errors import ConfigError, DigestError, ModelError
from elmobench.data.download.cache import fetch
from elmobench.features.elmo import frozen_bilm
from elmobench.features.elmo.allennlp_weights import allennlp_weights
from elmobench.features.elmo.loading import build_network, read_weights
from elmobench.features.elmo.options import read_options
from elmobench.features.elmo.provider import ElmoProvider

ASK = 5e-6
SENTENCES = [
    ["The", "bank", "of", "the", "river", "."],
    [],
    ["naïve", "日本語", "", "é" * 30, "<S>", "😀", "the", "bank"],
    ["word"],
]
W, GAMMA = [0.3, -1.0, 0.6], 1.7


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path)


@pytest.fixture
def reference(model):
    return Reference(*model)


def set_mix(elmo: Elmo, number: int = 0, w=W, gamma: float = GAMMA) -> None:
    mix = elmo.get_submodule(f"scalar_mix_{number}")
    for parameter, value in zip(mix.scalar_parameters, w, strict=True):
        parameter.data.fill_(value)
    mix.gamma.data.fill_(gamma)


def softmax(w):
    return np.exp(w) / np.exp(w).sum()


def expected_mix(reference, sentences, boundaries=False, w=W, gamma=GAMMA, layer_norm=False):
    """The mixes of all sentences, (B, T, 2P) float64, from the published formula."""
    encoded = [reference.encode(s, boundaries=True)[0] for s in sentences]
    fill = np.zeros(len(w))
    if layer_norm:
        # Statistics of a layer over all positions of the batch that are not padding.
        values = [np.concatenate([e[j].ravel() for e in encoded]) for j in range(len(w))]
        mean, deviation = np.array([v.mean() for v in values]), np.array([v.std() for v in values])
        encoded = [(e - mean[:, None, None]) / deviation[:, None, None] for e in encoded]
        fill = -mean / deviation if boundaries else fill
    longest = max(map(len, sentences)) + 2
    out = np.full((len(sentences), longest, encoded[0].shape[2]), gamma * softmax(w) @ fill)
    for row, layers in zip(out, encoded, strict=True):
        row[: layers.shape[1]] = gamma * np.tensordot(softmax(w), layers, axes=1)
    if not boundaries:
        out = np.delete(out, 0, axis=1)[:, :-1]
        for row, sentence in zip(out, sentences, strict=True):
            row[len(sentence) :] = 0
    return out


@pytest.mark.parametrize("boundaries", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_vectors_equal_the_published_formula(model, reference, boundaries, layer_norm):
    elmo = Elmo(
        *model, 2, dropout=0.0, do_layer_norm=layer_norm, keep_sentence_boundaries=boundaries
    )
    set_mix(elmo)
    output = elmo(batch_to_ids(SENTENCES))
    extra = 2 if boundaries else 0
    lengths = [len(sentence) + extra for sentence in SENTENCES]
    assert output["mask"].dtype == torch.bool
    assert output["mask"].tolist() == [[t < n for t in range(8 + extra)] for n in lengths]
    first, second = output["elmo_representations"]
    for mixed, settings in ((first, {}), (second, {"w": [0.0] * 3, "gamma": 1.0})):
        exact = expected_mix(reference, SENTENCES, boundaries, layer_norm=layer_norm, **settings)
        assert mixed.dtype == torch.float32
        assert mixed.shape == exact.shape
        assert np.abs(mixed.detach().numpy() - exact).max() <= ASK
    assert elmo.get_output_dim() == first.shape[2]


def test_a_sentence_has_one_vector_in_every_batch(model):
    elmo = Elmo(*model, 1).eval()
    alone = [elmo(batch_to_ids([s]))["elmo_representations"][0][0] for s in SENTENCES]
    for order in (range(4), (3, 1, 0, 2)):
        ids = batch_to_ids([SENTENCES[i] for i in order])
        # More padding than the longest sentence needs.
        ids = torch.cat([ids, torch.zeros(4, 3, 50, dtype=torch.int64)], dim=1)
        together = elmo(ids)["elmo_representations"][0]
        for i, vectors in zip(order, together, strict=True):
            size = len(SENTENCES[i])
            assert (vectors[:size] - alone[i]).abs().max().item() <= ASK if size else True
            assert not vectors[size:].any()


def test_gradients_reach_only_the_mixes(model, reference):
    elmo = Elmo(*model, 1, dropout=0.0)
    set_mix(elmo)
    network = torch.nn.Sequential(elmo)
    assert [name for name, _ in network.named_parameters()] == [
        "0.scalar_mix_0.gamma",
        *(f"0.scalar_mix_0.scalar_parameters.{i}" for i in range(3)),
    ]
    mixed = elmo(batch_to_ids(SENTENCES))["elmo_representations"][0]
    weight = torch.sin(torch.arange(mixed.numel(), dtype=torch.float32)).view_as(mixed)
    (mixed * weight).sum().backward()
    found = [p.grad.item() for p in elmo.scalar_mix_0.scalar_parameters]

    def loss(w, gamma):
        exact = expected_mix(reference, SENTENCES, w=w, gamma=gamma)
        return float((exact * weight.numpy()).sum())

    h = 1e-5
    for i, gradient in enumerate(found):
        step = h * np.eye(3)[i]
        numeric = (loss(W + step, GAMMA) - loss(W - step, GAMMA)) / (2 * h)
        assert gradient == pytest.approx(numeric, abs=1e-3)
    assert elmo.scalar_mix_0.gamma.grad.item() == pytest.approx(loss(W, 1.0), abs=1e-3)


def test_given_weights_are_not_trained(model, reference):
    elmo = Elmo(*model, 2, dropout=0.0, scalar_mix_parameters=[-9e10, 1, -9e10])
    assert not any(parameter.requires_grad for parameter in elmo.parameters())
    output = elmo(batch_to_ids(SENTENCES[:1]))["elmo_representations"]
    exact = reference.encode(SENTENCES[0])[0][1]
    assert all(np.abs(mixed[0].numpy() - exact).max() <= ASK for mixed in output)
    with pytest.raises(ConfigError, match="2 values for 3 layers"):
        Elmo(*model, 1, scalar_mix_parameters=[0.0, 1.0])


def test_dropout_while_training_only(model):
    elmo = Elmo(*model, 1, dropout=0.25)
    ids = batch_to_ids([["a", "b", "c", "d"] * 5])
    whole = elmo.eval()(ids)["elmo_representations"][0]
    assert torch.equal(whole, elmo(ids)["elmo_representations"][0])
    dropped = elmo.train()(ids)["elmo_representations"][0]
    kept = dropped != 0
    assert 0.6 < kept.float().mean() < 0.9
    torch.testing.assert_close(dropped[kept], (whole / 0.75)[kept])


def test_further_dimensions_are_kept(model):
    elmo = Elmo(*model, 1, dropout=0.0)
    ids = batch_to_ids(SENTENCES)
    flat, nested = elmo(ids), elmo(ids.view(2, 2, *ids.shape[1:]))
    assert nested["mask"].shape == (2, 2, 8)
    assert torch.equal(nested["mask"].flatten(0, 1), flat["mask"])
    assert torch.equal(
        nested["elmo_representations"][0].flatten(0, 1), flat["elmo_representations"][0]
    )


@pytest.mark.parametrize("boundaries", [False, True])
def test_a_batch_without_tokens(model, boundaries):
    elmo = Elmo(*model, 1, keep_sentence_boundaries=boundaries)
    extra = 2 if boundaries else 0
    for count in (0, 2):
        output = elmo(batch_to_ids([[]] * count))
        assert output["elmo_representations"][0].shape == (count, extra, 10)
        assert output["mask"].shape == (count, extra)


def test_the_state_is_the_mixes_and_fits_one_bilm(model, tmp_path):
    elmo = torch.nn.Sequential(Elmo(*model, 1))
    set_mix(elmo[0])
    state = elmo.state_dict()
    assert sum(value.numel() for value in state.values()) == 4 + 32
    torch.save(state, tmp_path / "state.pt")
    again = torch.nn.Sequential(Elmo(*model, 1))
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    ids = batch_to_ids(SENTENCES)
    assert torch.equal(
        elmo.eval()[0](ids)["elmo_representations"][0],
        again.eval()[0](ids)["elmo_representations"][0],
    )
    other = torch.nn.Sequential(Elmo(*write_model(tmp_path / "other", seed=1), 1))
    with pytest.raises(RuntimeError, match="saved with another biLM"):
        other.load_state_dict(state)
    del state["0.bilm_digest"]
    with pytest.raises(RuntimeError, match=r"Missing key.*bilm_digest"):
        again.load_state_dict(state)


def test_a_state_of_allennlp_fits_if_it_has_the_same_bilm(model):
    """The names and arrangement are AllenNLP's own in a slow test."""
    elmo = Elmo(*model, 1)
    weights = allennlp_weights(read_weights(model[1], read_options(model[0])))
    state = {f"scalar_mix_0.scalar_parameters.{i}": torch.tensor([w]) for i, w in enumerate(W)}
    state["scalar_mix_0.gamma"] = torch.tensor([GAMMA])
    foreign = {f"_elmo_lstm.{k}": torch.from_numpy(v.copy()) for k, v in weights.items()}
    elmo.load_state_dict(state | foreign)
    assert elmo.scalar_mix_0.gamma.item() == pytest.approx(GAMMA)
    name = "_elmo_lstm._elmo_lstm.backward_layer_1.state_projection.weight"
    foreign[name][0, 0] += 1e-4
    with pytest.raises(RuntimeError, match=r"saved with another biLM.*fine-tuned"):
        elmo.load_state_dict(state | foreign)
    del foreign[name]
    with pytest.raises(RuntimeError, match="saved with another biLM"):
        elmo.load_state_dict(state | foreign)


def test_copies_and_pickles(model, tmp_path):
    elmo = Elmo(*model, 1).eval()
    ids = batch_to_ids(SENTENCES)
    before = elmo(ids)["elmo_representations"][0]
    copied = copy.deepcopy(elmo)
    size = len(pickle.dumps(elmo))
    assert size < model[1].stat().st_size
    pickled = pickle.loads(pickle.dumps(elmo))  # noqa: S301  (made here)
    set_mix(elmo)
    for other in (copied, pickled):
        assert torch.equal(other(ids)["elmo_representations"][0], before)
    assert not torch.equal(elmo(ids)["elmo_representations"][0], before)
    saved = pickle.dumps(elmo)
    write_model(tmp_path, seed=1)
    with pytest.raises(ModelError, match="its content has changed"):
        pickle.loads(saved)  # noqa: S301  (made here)


def test_other_precisions_of_the_network(model):
    elmo = Elmo(*model, 1).eval()
    ids = batch_to_ids(SENTENCES)
    single = elmo(ids)["elmo_representations"][0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(elmo(ids)["elmo_representations"][0], single)
    double = elmo.double()(ids)["elmo_representations"][0]
    assert double.dtype == torch.float64
    assert (double - single).abs().max().item() <= ASK
    half = elmo.bfloat16()(ids)["elmo_representations"][0]
    assert half.dtype == torch.bfloat16
    assert (half - single).abs().max().item() < 0.1


def test_defaults_of_the_program_change_nothing(model):
    expected = Elmo(*model, 1).eval()(batch_to_ids(SENTENCES))["elmo_representations"][0]
    elmo = Elmo(*model, 1).eval()  # whose network is built below
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            ids = batch_to_ids(SENTENCES)
            found = elmo(ids)["elmo_representations"][0]
        assert torch.equal(found, expected)
        assert Elmo(*model, 1).scalar_mix_0.gamma.dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_gpu_code_gives_the_same_vectors_and_gradients(model, monkeypatch):
    """The code for CUDA, run on the CPU."""
    ids = batch_to_ids(SENTENCES)
    results = []
    for fused in (False, True):
        monkeypatch.setattr(frozen_bilm, "build_network", partial(build_network, fused=fused))
        elmo = Elmo(*model, 1, dropout=0.0)
        mixed = elmo(ids)["elmo_representations"][0]
        mixed.square().sum().backward()
        results.append((mixed.detach(), elmo.scalar_mix_0.gamma.grad))
    (ours, gradient), (theirs, other) = results
    assert (ours - theirs).abs().max().item() <= ASK
    torch.testing.assert_close(gradient, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_module_moves_to_a_gpu_and_back(model):
    elmo = Elmo(*model, 1, dropout=0.0)
    ids = batch_to_ids(SENTENCES)
    expected = elmo(ids)["elmo_representations"][0]
    elmo.cuda()
    for given in (ids, ids.cuda()):
        output = elmo(given)
        vectors, mask = output["elmo_representations"][0], output["mask"]
        assert vectors.is_cuda
        assert mask.is_cuda
        assert (vectors.cpu() - expected).abs().max().item() <= 5e-5
    vectors.sum().backward()
    assert elmo.scalar_mix_0.gamma.grad.is_cuda
    assert torch.equal(elmo.cpu()(ids)["elmo_representations"][0], expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"requires_grad": True}, "frozen.*AllenNLP's Elmo.*pretrain bilm"),
        ({"vocab_to_cache": ["a"]}, "vocab_to_cache.*character ids"),
        ({"module": torch.nn.Linear(1, 1)}, "in place of the biLM.*ScalarMix"),
        ({"num_output_representations": 0}, "number of mixes, 1 or more"),
    ],
)
def test_what_is_not_supported_says_what_to_use(model, arguments, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        Elmo(*model, **({"num_output_representations": 1} | arguments))


def test_inputs_that_are_no_character_ids(model):
    elmo = Elmo(*model, 1)
    ids = batch_to_ids(SENTENCES)
    with pytest.raises(ConfigError, match=r"word_inputs.*not supported"):
        elmo(ids, torch.zeros(4, 8, dtype=torch.int64))
    for wrong in (ids[0, 0], ids[..., :49], ids.float(), ids.to(torch.uint8), ids.bool()):
        with pytest.raises(ValueError, match="expected character ids"):
            elmo(wrong)
    for no_tensor in (ids.numpy(), SENTENCES):
        with pytest.raises(TypeError, match="batch_to_ids makes them from tokenised sentences"):
            elmo(no_tensor)
    for value in (-1, 262):
        damaged = ids.clone()
        damaged[0, 0, 0] = value
        with pytest.raises(ValueError, match="ids are 0 to 261"):
            elmo(damaged)
    gap = ids.clone()
    gap[2, 1] = 0
    with pytest.raises(ValueError, match=r"sentence 2 .* padding"):
        elmo(gap)


def test_files_that_are_missing_or_do_not_fit(model, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="no file 'nowhere"):
        Elmo("nowhere.json", model[1], 1)
    with pytest.raises(ModelError, match=r"the HDF5 file contains the weights"):
        Elmo(model[1], model[0], 1)
    other = write_model(tmp_path / "other", lstm={"dim": 13})
    with pytest.raises(ModelError, match="belong to the same"):
        Elmo(other[0], model[1], 1)
    monkeypatch.setenv("ELMOBENCH_MODELS", str(tmp_path))
    Elmo("other/options.json", "other/weights.hdf5", num_output_representations=1)


def test_addresses_need_a_known_digest(model, tmp_path, monkeypatch):
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(tmp_path.parent))
    address = [f"https://{tmp_path.name}/{path.name}" for path in model]
    with pytest.raises(DigestError, match="-> download the file and give its path"):
        Elmo(*address, 1)
    for url in address:
        fetch(url, trust_first=True)
    assert Elmo(*address, 1).get_output_dim() == 10


def test_an_address_of_a_published_file_names_its_model(model):
    name = "2x4096_512_2048cnn_2xhighway_5.5B/elmo_2x4096_512_2048cnn_2xhighway_5.5B_weights.hdf5"
    fetch_model = "run `elmobench models fetch elmo-original-5.5b --trust-first` once"
    current = f"https://allennlp.s3.amazonaws.com/models/elmo/{name}"
    with pytest.raises(DigestError, match=f"{fetch_model}, which pins it"):
        Elmo(model[0], current, 1)
    former = f"https://s3-us-west-2.amazonaws.com/allennlp/models/elmo/{name}"
    with pytest.raises(DigestError, match=f"{fetch_model} and give the address {current}"):
        Elmo(model[0], former, 1)


def test_a_device_that_is_not_supported(model):
    elmo = Elmo(*model, 1).to("meta")
    with pytest.raises(ConfigError, match="type 'meta'"):
        elmo(batch_to_ids(SENTENCES))


def test_lower_precision_products_are_refused(model):
    elmo = Elmo(*model, 1)
    torch.set_float32_matmul_precision("high")
    try:
        with pytest.raises(ConfigError, match="full float32"):
            elmo(batch_to_ids(SENTENCES))
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize(
    "values", [[math.nan, 0, 0], [0, math.inf, 0], [0, 0, "high"], [0, 0, None], "low", 3]
)
def test_weights_of_the_mix_that_are_not_numbers(model, values):
    with pytest.raises(
        ConfigError, match=r"scalar_mix_parameters: [\s\S]*one raw weight per layer"
    ):
        Elmo(*model, 1, scalar_mix_parameters=values)


@pytest.mark.parametrize(
    "arguments",
    [{"dropout": math.nan}, {"dropout": -0.1}, {"dropout": "0.5"}, {"dropout": 1.5}],
    ids=str,
)
def test_dropout_is_a_probability(model, arguments):
    with pytest.raises(ConfigError, match="dropout is"):
        Elmo(*model, 1, **arguments)


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", None])
def test_the_number_of_mixes_is_a_number(model, number):
    with pytest.raises(ConfigError, match="num_output_representations is"):
        Elmo(*model, number)


def test_a_model_of_another_number_of_characters_says_how_to_make_its_ids(tmp_path):
    short = write_model(tmp_path / "short", char_cnn={"max_characters_per_token": 20})
    elmo = Elmo(*short, 1, dropout=0.0)
    sentences = [["The", "river", "x" * 40], ["bank"]]
    with pytest.raises(ValueError, match=r"batch_to_ids\(sentences, 20\) makes them"):
        elmo(batch_to_ids(sentences))
    found = elmo(batch_to_ids(sentences, 20))["elmo_representations"][0].detach().numpy()
    provider = ElmoProvider.from_files(*short)
    for row, vectors in zip(found, provider.encode(sentences), strict=True):
        assert row[: vectors.shape[1]] == pytest.approx(vectors.mean(axis=0), abs=1e-5)


@pytest.mark.parametrize("characters", [2, 0, -1, 50.0, True, None])
def test_the_number_of_characters_is_checked(characters):
    with pytest.raises(ConfigError, match="characters is"):
        batch_to_ids([["a"]], characters)
