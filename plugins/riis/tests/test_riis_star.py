"""`riis-star` as the harness sees it: whom it tells what, and which weights it takes; weights that start others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.model import Condition, Sample, Stage
from bench_core.nn.padding import pad_to
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level, condition_vectors, harness_channel
from bench_riis.method import Riis, RiisStar
from bench_riis.model import RiisNetwork
from bench_riis.modulation import condition_vector
from bench_riis.weights import SHIPPED_STAR, load_weights, save_weights, start_from

Jitter = Callable[[torch.nn.Module, float], None]
HOST, SECRET = data.astronaut()[:18, 160:178], data.coffee()[100:118, 200:218]


@pytest.fixture
def star(tiny: NetworkConfig, jitter: Jitter, tmp_path: Path) -> Path:
    network = RiisNetwork(replace(tiny, dgm=True))
    jitter(network, 0.1)
    save_weights(tmp_path / "star.safetensors", network, {})
    return tmp_path / "star.safetensors"


def stages(spec: str) -> tuple[Stage, ...]:
    (channel,) = parse_channels([spec], registry().degradations)
    return tuple(Stage(stage.name, stage.values) for stage in channel.stages)


def sent(model: Riis) -> np.ndarray:
    return model.encode_all([Sample({"host": HOST, "secret": SECRET})])[0]


def revealed(model: Riis, told: tuple[Stage, ...] | None) -> np.ndarray:
    condition = Condition(told, (keyed_generator(0, "photo", 0, "decode", 0),))
    return model.decode_all([HOST], condition)[0]["secret"]


def test_the_receiver_hears_the_degradation_and_the_sender_what_is_intended(star: Path) -> None:
    model = RiisStar(weights=star)
    assert model.told
    carrier, quiet = sent(model), revealed(model, stages("clean"))
    assert carrier.shape == HOST.shape
    assert not np.array_equal(quiet, revealed(model, stages("jpeg:40")))
    assert np.array_equal(revealed(model, stages("jpeg:40")), revealed(model, stages("jpeg:40,ss=444")))
    # Each stage of a chain speaks for itself, the last of a kind counts, and what has no entry says nothing.
    both = revealed(model, stages("jpeg:40+gaussian:10"))
    assert not np.array_equal(both, revealed(model, stages("jpeg:40")))
    assert np.array_equal(both, revealed(model, stages("gaussian:20+gaussian:10+jpeg:40")))
    assert np.array_equal(quiet, revealed(model, stages("webp:50")))
    assert np.array_equal(quiet, revealed(model, None))

    hopeful = RiisStar({"intend": "jpeg:40"}, weights=star)
    assert not np.array_equal(sent(hopeful), carrier)
    assert np.array_equal(revealed(hopeful, stages("jpeg:40")), revealed(model, stages("jpeg:40")))


def test_training_tells_what_the_harness_tells() -> None:
    levels = [Level("clean"), Level("gauss", 10.0), Level("poisson", 255.0), Level("jpeg", 40), Level("print", 7)]
    rows = condition_vectors(levels)
    for level, row in zip(levels[:4], rows, strict=False):
        told = [Stage(stage.name, stage.values) for stage in harness_channel(level).stages]
        assert torch.equal(torch.tensor(condition_vector(told)), row)
    assert rows[0].tolist() == rows[4].tolist() == [0, 0, 0]
    assert rows[1:4].count_nonzero(dim=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("intend", "message"),
    [
        ("jpeg:30..50:10", "intend must be one degradation, not the 3 of 'jpeg:30..50:10'"),
        ("jpge:40", "jpge"),
        ("jpeg:400", "quality"),
    ],
)
def test_what_is_no_intention_is_one_clear_line(star: Path, intend: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        RiisStar({"intend": intend}, weights=star)
    assert len(caught.value.problems) == 1


def test_weights_of_the_other_kind_are_refused(tiny: NetworkConfig, star: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "plain.safetensors", RiisNetwork(tiny), {})
    with pytest.raises(RequestError, match="weights of riis, not of riis-star; try -p riis"):
        RiisStar(weights=tmp_path / "plain.safetensors")
    with pytest.raises(RequestError, match="weights of riis-star, not of riis; try -p riis-star"):
        Riis(weights=star)


def test_without_weights_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RiisStar, "default_weights", None)
    with pytest.raises(RequestError, match="riis-star needs weights, and none ship with it"):
        RiisStar()
    assert SHIPPED_STAR.name == "riis-star.safetensors"


def test_its_names() -> None:
    models = registry().models
    assert models.get("riis-blind").name == "riis"
    assert models.load("riis-star") is RiisStar


@pytest.mark.parametrize(("squeeze", "multiple"), [("none", 1), ("haar", 2), ("haar2", 4), ("haar3", 8)])
def test_sides_are_padded_to_what_the_squeeze_takes(
    tiny: NetworkConfig, tmp_path: Path, squeeze: str, multiple: int
) -> None:
    picture = torch.rand(1, 3, 5, 9)
    whole = pad_to(picture, multiple)
    assert whole.shape[-2:] == (-(-5 // multiple) * multiple, -(-9 // multiple) * multiple)
    assert torch.equal(whole[..., :5, :9], picture)
    assert torch.equal(whole[..., -1, :9], picture[..., -1, :])
    save_weights(tmp_path / "w.safetensors", RiisNetwork(replace(tiny, squeeze=squeeze)), {})
    model = Riis(weights=tmp_path / "w.safetensors")
    assert sent(model).shape == HOST.shape
    assert revealed(model, None).shape == HOST.shape


# ---- weights that others start from


def test_modulation_and_copies_start_from_plain_weights(tiny: NetworkConfig, jitter: Jitter, tmp_path: Path) -> None:
    plain = RiisNetwork(tiny).eval()
    jitter(plain, 0.1)
    path = tmp_path / "plain.safetensors"
    save_weights(path, plain, {"done_steps": 7})
    grown = RiisNetwork(replace(tiny, dgm=True, decoupled=True)).eval()
    assert start_from(path, grown) == {"done_steps": 7}
    received, noise, told = torch.rand(1, 3, 8, 8), torch.randn(1, 12, 4, 4), torch.tensor([[0.2, 0.5, 1.0]])
    for ours, theirs in zip(plain.reveal(received, noise), grown.reveal(received, noise, told), strict=True):
        assert torch.equal(ours, theirs)
    assert not grown.is_decoupled
    assert all(torch.equal(a, b) for a, b in grown.pairs())
    assert all(bool(step.norm.initialized) for step in grown.canp.steps)

    grown.decouple()
    jitter(grown, 0.01)
    save_weights(tmp_path / "grown.safetensors", grown, {})
    again = RiisNetwork(grown.config).eval()
    start_from(tmp_path / "grown.safetensors", again)
    assert again.is_decoupled
    assert torch.equal(again.reveal(received, noise, told).secret, grown.reveal(received, noise, told).secret)
    loaded = load_weights(tmp_path / "grown.safetensors").network
    assert loaded.is_decoupled
    assert all(torch.equal(value, grown.state_dict()[name]) for name, value in loaded.state_dict().items())


@pytest.mark.parametrize(
    ("changed", "secrets", "message"),
    [
        ({"squeeze": "haar2"}, 1, "holds another network: squeeze=haar, not haar2"),
        ({"cem": False, "clamp": 2.0}, 1, "clamp=1.0, not 2.0; cem=True, not False"),
        ({}, 2, r"1 secret\(s\), not 2"),
    ],
)
def test_no_other_network_starts_from_weights(
    tiny: NetworkConfig, tmp_path: Path, changed: dict[str, object], secrets: int, message: str
) -> None:
    save_weights(tmp_path / "w.safetensors", RiisNetwork(tiny), {})
    with pytest.raises(RequestError, match=message):
        start_from(tmp_path / "w.safetensors", RiisNetwork(replace(tiny, **changed), secrets))


def test_what_has_copies_does_not_lose_them(tiny: NetworkConfig, tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", RiisNetwork(replace(tiny, decoupled=True)), {})
    with pytest.raises(RequestError, match="decoupled=True, not False"):
        start_from(tmp_path / "w.safetensors", RiisNetwork(tiny))
