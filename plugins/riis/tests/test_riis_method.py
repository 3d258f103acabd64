"""`riis` as the harness sees it: shapes, odd sizes, noise, weights files, and what the shipped weights do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.randomness import keyed_generator
from bench_riis.architecture import NetworkConfig
from bench_riis.channel import Level, harness_channel
from bench_riis.method import Riis
from bench_riis.model import RiisNetwork
from bench_riis.weights import load_weights, save_weights

HOST = data.astronaut()[:128, 160:288]
SECRET = data.coffee()[100:228, 200:328]


def rngs(count: int = 1, repeat: int = 0) -> tuple[np.random.Generator, ...]:
    return tuple(keyed_generator(0, f"image-{index}", 0, "decode", repeat) for index in range(count))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def eight_bit(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def trip(model: Riis, level: Level, host: np.ndarray = HOST, secret: np.ndarray = SECRET) -> dict[str, np.ndarray]:
    sent = eight_bit(model.encode_all([Sample({"host": host, "secret": secret})])[0])
    received = harness_channel(level).send(sent, 0, "photo").image
    found = model.decode_all([received], Condition(rngs=rngs()))[0]
    return {"container": sent, **{key: eight_bit(value) for key, value in found.items()}}


@pytest.fixture
def tiny_weights(tiny: NetworkConfig, tmp_path: Path) -> Path:
    network = RiisNetwork(tiny)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    path = tmp_path / "tiny.safetensors"
    save_weights(path, network, {"preset": "tiny", "weight_con": 4.0})
    return path


def test_the_plugin_module_imports_nothing_heavy() -> None:
    code = "import sys, bench_riis; print([m for m in ('torch', 'numpy', 'PIL', 'accelerate') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_weights_file_alone_rebuilds_the_network(tiny: NetworkConfig, tiny_weights: Path, tmp_path: Path) -> None:
    network = RiisNetwork(tiny, 2).train()
    with torch.no_grad():
        container, latent = network.hide(torch.rand(1, 6, 8, 8), torch.rand(1, 3, 8, 8))
        network.whiten(latent, container)
    save_weights(tmp_path / "two.safetensors", network, {"temperature": 0.5, "weight_con": 4.0, "preset": "tiny"})
    loaded = load_weights(tmp_path / "two.safetensors")
    assert loaded.network.n_secrets == 2
    assert loaded.network.config == tiny
    assert loaded.training == {"temperature": 0.5, "weight_con": 4.0, "preset": "tiny"}
    assert all(bool(step.norm.initialized) for step in loaded.network.canp.steps)
    received, noise = torch.rand(1, 3, 8, 8), torch.randn(1, 24, 4, 4)
    for ours, theirs in zip(
        network.eval().reveal(received, noise), loaded.network.reveal(received, noise), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert not load_weights(tiny_weights).network.canp.steps[0].norm.initialized


def test_half_precision_keeps_the_exact_layers_exact(tiny: NetworkConfig, tmp_path: Path) -> None:
    network = RiisNetwork(tiny)
    save_weights(tmp_path / "half.safetensors", network, {}, half=True)
    save_weights(tmp_path / "full.safetensors", network, {})
    assert (tmp_path / "half.safetensors").stat().st_size < (tmp_path / "full.safetensors").stat().st_size
    loaded = load_weights(tmp_path / "half.safetensors").network
    assert torch.equal(loaded.canp.steps[0].mix.weight, network.canp.steps[0].mix.weight)
    assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())


@pytest.mark.parametrize("content", [b"", b"not tensors", b"PK\x03\x04 a pickle in a zip"])
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="not a safetensors file") as caught:
        Riis(weights=path)
    assert len(caught.value.problems) == 1


def test_other_weights_and_a_missing_file_are_refused(tiny: NetworkConfig, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="holds no RIIS weights"):
        Riis(weights=tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="no such file"):
        Riis(weights=tmp_path / "missing.safetensors")


@given(st.integers(1, 19), st.integers(1, 19))
@settings(max_examples=12)
def test_any_size_comes_back_in_its_size(height: int, width: int) -> None:
    model = Riis()
    rng = np.random.default_rng(height * 100 + width)
    host, secret = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    found = trip(model, Level("clean"), host, secret)
    assert {key: value.shape for key, value in found.items()} == dict.fromkeys(
        ("container", "secret", "host"), (height, width, 3)
    )


def test_the_temperature_says_whether_decoding_draws(tiny_weights: Path) -> None:
    warm, cold = Riis(weights=tiny_weights), Riis({"temperature": 0.0}, weights=tiny_weights)
    assert warm.stochastic
    assert not cold.stochastic
    image = [HOST[:16, :16]]

    def secret(model: Riis, repeat: int) -> np.ndarray:
        return model.decode_all(image, Condition(rngs=rngs(repeat=repeat)))[0]["secret"]

    assert np.array_equal(secret(warm, 0), secret(warm, 0))
    assert not np.array_equal(secret(warm, 0), secret(warm, 1))
    assert np.array_equal(secret(cold, 0), secret(cold, 1))
    assert not np.array_equal(secret(cold, 0), secret(warm, 0))


def test_a_batch_gives_what_single_pictures_give(tiny_weights: Path) -> None:
    model = Riis(weights=tiny_weights)
    images = [HOST[:16, :16], SECRET[:16, :16], HOST[16:32, :16]]
    together = model.decode_all(images, Condition(rngs=rngs(3)))
    alone = model.decode_all(images[1:2], Condition(rngs=rngs(3)[1:2]))
    assert np.array_equal(together[1]["secret"], alone[0]["secret"])


def test_the_wrong_number_of_secrets_is_refused(tiny_weights: Path) -> None:
    sample = Sample({"host": HOST[:16, :16], "secret": np.concatenate([SECRET[:16, :16]] * 2, axis=-1)})
    with pytest.raises(RequestError, match=r"hide 1 secret\(s\), not 2"):
        Riis(weights=tiny_weights).encode_all([sample])
