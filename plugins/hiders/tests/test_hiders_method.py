"""`hinet` and `isn` as the harness sees them: rules, sizes, counts, weights files, and what is wrong with a request."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from bench_core.cli.main import bench
from bench_core.conformance import check_model
from bench_core.errors import RequestError
from bench_core.model import Condition, Sample
from bench_core.plan import Request
from bench_core.randomness import keyed_generator
from bench_hiders.method import HiNet, Isn
from bench_hiders.network import HiderNetwork, NetworkConfig
from bench_hiders.weights import load_weights, save_weights

METHODS = {"hinet": HiNet, "isn": Isn}
HOST = data.astronaut()[:128, 160:288]
SECRET = data.coffee()[100:228, 200:328]


def eight_bit(image):
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def condition(repeat=0, count=1):
    return Condition(rngs=tuple(keyed_generator(0, f"image-{i}", 0, "decode", repeat) for i in range(count)))


@pytest.fixture
def tiny_weights(tiny, jittered, tmp_path):
    def write(method, secrets=1, config=None):
        path = tmp_path / f"{method}-{secrets}.safetensors"
        save_weights(path, method, jittered(config or tiny, secrets), {"preset": "tiny"})
        return path

    return write


def test_the_plugin_module_imports_nothing_heavy():
    code = "import sys, bench_hiders; print([m for m in ('torch', 'numpy', 'PIL', 'accelerate') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", METHODS)
def test_both_keep_the_harness_s_rules(name, tiny_weights):
    checks = list(check_model(Request(name, weights=str(tiny_weights(name)), limit=2, size="32")))
    assert len(checks) > 9
    assert [(check.rule, check.detail) for check in checks if not check.passed] == []


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("secrets", [1, 3, 5])
def test_encode_and_decode_are_the_network(name, secrets, tiny, tiny_weights):
    path = tiny_weights(name, secrets)
    model, network = METHODS[name]({"temperature": 0.0}, path), load_weights(path, name).network
    host, secret = torch.rand(1, 3, 16, 24), torch.rand(1, 3 * secrets, 16, 24)
    assert model.secrets == secrets
    container, lost = network.hide(secret, host)
    assert torch.equal(model.encode(Sample({"host": host, "secret": secret})), container)
    found = model.decode(container, Condition())
    assert torch.equal(found["secret"], network.reveal(container, torch.zeros_like(lost)).secret)
    assert found["host"].shape == host.shape


@settings(max_examples=12)
@given(st.integers(1, 19), st.integers(1, 19), st.integers(0, 2))
def test_any_size_comes_back_in_its_size(height, width, levels):
    model = object.__new__(HiNet)
    model.network, model.temperature = HiderNetwork(NetworkConfig(2, 2, 2, 0.2, 2.0, levels)).eval(), 0.0
    host, secret = torch.rand(2, 1, 3, height, width)
    container = model.encode(Sample({"host": host, "secret": secret}))
    found = model.decode(container, Condition())
    assert container.shape == found["secret"].shape == found["host"].shape == host.shape
    assert torch.allclose(found["host"], host, atol=1e-5)


def test_the_receiver_draws_as_the_papers_say(tiny_weights):
    image = [HOST[:16, :16]]

    def secret(model, repeat):
        return model.decode_all(image, condition(repeat))[0]["secret"]

    hinet, isn = HiNet(weights=tiny_weights("hinet")), Isn(weights=tiny_weights("isn"))
    assert hinet.stochastic
    assert np.array_equal(secret(hinet, 0), secret(hinet, 0))
    assert not np.array_equal(secret(hinet, 0), secret(hinet, 1))
    assert not isn.stochastic
    assert np.array_equal(secret(isn, 0), secret(isn, 1))
    assert HiNet({"temperature": 0.0}, tiny_weights("hinet")).stochastic is False


def test_the_container_is_handed_on_unrounded(tiny_weights):
    model = HiNet(weights=tiny_weights("hinet"))
    container = model.encode_all([Sample({"host": HOST[:16, :16], "secret": SECRET[:16, :16]})])[0]
    assert HiNet.takes_floats
    assert np.abs(container * 255 - np.rint(container * 255)).max() > 0.1


@pytest.mark.parametrize("half", [False, True])
def test_a_weights_file_alone_rebuilds_the_network(tiny, jittered, tmp_path, half):
    network = jittered(replace(tiny, haar_levels=2), 2)
    path = tmp_path / "weights.safetensors"
    save_weights(path, "isn", network, {"preset": "tiny", "temperature": 0.0}, half)
    loaded = load_weights(path, "isn")
    assert (loaded.network.n_secrets, loaded.network.config) == (2, network.config)
    assert (loaded.record["method"], loaded.training) == ("isn", {"preset": "tiny", "temperature": 0.0})
    secret, host = torch.rand(1, 6, 16, 16), torch.rand(1, 3, 16, 16)
    ours, theirs = network.hide(secret, host)[0], loaded.network.hide(secret, host)[0]
    assert torch.allclose(ours, theirs, atol=2e-3 if half else 1e-6)
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in loaded.network.parameters())


def test_half_is_half_the_file(tiny, jittered, tmp_path):
    network = jittered(replace(tiny, growth=16))
    for half in (False, True):
        save_weights(tmp_path / f"{half}.safetensors", "hinet", network, {}, half)
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (True, False)]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.parametrize("content", [b"", b"not tensors"])
def test_a_wrong_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="not a safetensors file") as caught:
        HiNet(weights=path)
    assert len(caught.value.problems) == 1


def test_weights_of_others_are_refused(tmp_path, tiny_weights):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="holds no hinet weights"):
        HiNet(weights=tmp_path / "other.safetensors")
    with pytest.raises(RequestError, match="no such file"):
        Isn(weights=tmp_path / "missing.safetensors")
    with pytest.raises(RequestError, match=r"holds weights of isn, not of hinet; e\.g\. --plugin isn"):
        HiNet(weights=tiny_weights("isn"))


@pytest.mark.parametrize("name", METHODS)
def test_without_weights_it_says_how_to_get_some(name, monkeypatch, tmp_path):
    monkeypatch.setattr(METHODS[name], "default_weights", None)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(bench, ["run", "-p", name])
    assert isinstance(result.exception, RequestError)
    assert result.exception.exit_code == 2
    assert str(result.exception).startswith(f"{name} needs weights")
    assert f"bench train {name} --data folder:photos --out runs/{name}" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_shipped_weights_are_those_of_their_method():
    for name, model in METHODS.items():
        if model.default_weights is not None and model.default_weights.is_file():
            assert load_weights(model.default_weights, name).network.n_secrets == 1


def test_the_wrong_number_of_secrets_is_refused(tiny_weights):
    sample = Sample({"host": HOST[:16, :16], "secret": np.concatenate([SECRET[:16, :16]] * 2, axis=-1)})
    with pytest.raises(RequestError, match=r"hide 1 secret\(s\), not 2; train others with `bench train isn --secrets"):
        Isn(weights=tiny_weights("isn")).encode_all([sample])


def test_a_run_of_several_secrets(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = tiny_weights("isn", 2)
    command = ["run", "-p", "isn", "--weights", str(weights), "--limit", "3", "--size", "32", "-m", "psnr", "-q"]
    result = CliRunner().invoke(bench, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert Path("bench.db").exists()
