"""`jrig` and `iig` as the harness sees them, and their weights files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from bench_core.errors import MissingWeights, RequestError
from bench_core.model import Condition, Sample
from bench_core.task import INVERTIBLE_GRAYSCALE
from bench_jrig.config import NetworkConfig, load_preset
from bench_jrig.method import Iig, Jrig
from bench_jrig.networks import JrigNetwork
from bench_jrig.weights import load_weights, save_weights

PHOTO = data.astronaut()[:64, 160:224]
TINY = ["h_channels=4", "h_middle_blocks=1", "r_channels=4", "r_blocks=1", "r_wide=4"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    torch.manual_seed(0)
    save_weights(path, JrigNetwork(load_preset("small", TINY)[0]), {"preset": "tiny", "qf": "75..100"})
    return path


def test_the_plugin_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, bench_jrig, bench_jrig.published; "
        "print([m for m in ('torch', 'PIL', 'cv2', 'accelerate') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_file_alone_rebuilds_the_network(tiny: NetworkConfig, tmp_path: Path) -> None:
    network = JrigNetwork(tiny).eval()
    save_weights(tmp_path / "w.safetensors", network, {"target": "edge"})
    loaded = load_weights(tmp_path / "w.safetensors")
    assert (loaded.network.config, loaded.training) == (tiny, {"target": "edge"})
    color = torch.rand(1, 3, 16, 16)
    assert torch.allclose(network.hide(color), loaded.network.hide(color), atol=1e-6)


def test_half_precision_halves_the_file(tiny: NetworkConfig, tmp_path: Path) -> None:
    network = JrigNetwork(tiny)
    save_weights(tmp_path / "full.safetensors", network, {})
    save_weights(tmp_path / "half.safetensors", network, {}, half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.75 * (tmp_path / "full.safetensors").stat().st_size
    loaded = load_weights(tmp_path / "half.safetensors").network
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    color = torch.rand(1, 3, 16, 16)
    assert torch.allclose(network.hide(color), loaded.hide(color), atol=2e-2)


@pytest.mark.parametrize("content", [b"", b"not tensors"])
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="not a safetensors file"):
        Jrig(weights=path)


def test_other_weights_and_missing_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="holds no JRIG weights; `bench train jrig`"):
        Jrig(weights=tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="no such file"):
        Jrig(weights=tmp_path / "missing.safetensors")
    for method in (Jrig, Iig):
        monkeypatch.setattr(method, "default_weights", tmp_path / "not-shipped.safetensors")
        with pytest.raises(
            MissingWeights, match=f"{method.name} needs weights, and none ship .* bench train {method.name} --data"
        ):
            method()


@given(height=st.integers(1, 21), width=st.integers(1, 21))
@settings(max_examples=15, deadline=None)
def test_any_size_comes_back_in_its_size(weights: Path, height: int, width: int) -> None:
    model = Jrig(weights=weights)
    color = np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    (carrier,) = model.encode_all([Sample({"color": color, "gray": color[..., :1]})])
    assert carrier.shape == (height, width, 1)
    received = np.rint(np.clip(carrier, 0, 1) * 255).astype(np.uint8)
    (found,) = model.decode_all([received], Condition())
    assert found["color"].shape == (height, width, 3)


def test_padding_repeats_the_edge_and_leaves_whole_pictures_alone(weights: Path) -> None:
    model = Jrig(weights=weights)
    whole = PHOTO[:24, :24]
    cut = whole[:21, :19]
    repeated = np.pad(cut, ((0, 3), (0, 5), (0, 0)), mode="edge")
    (a,), (b,) = (model.encode_all([Sample({"color": p})]) for p in (cut, repeated))
    assert np.array_equal(a, b[:21, :19])


def test_carriers_are_not_rounded_and_the_batch_does_not_matter(weights: Path) -> None:
    model = Jrig(weights=weights)
    samples = [Sample({"color": PHOTO[i : i + 16, :16]}) for i in (0, 16, 32)]
    together = model.encode_all(samples)
    assert np.array_equal(together[1], model.encode_all(samples[1:2])[0])
    levels = together[0] * 255
    assert np.abs(levels - np.rint(levels)).max() > 0.05
    assert together[0].min() >= 0
    assert together[0].max() <= 1


def test_the_methods_are_known_by_name() -> None:
    assert (Jrig.name, Iig.name) == ("jrig", "iig")
    assert Jrig.task is Iig.task is INVERTIBLE_GRAYSCALE
    assert Jrig.default_weights != Iig.default_weights
