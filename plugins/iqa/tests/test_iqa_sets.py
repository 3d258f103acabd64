"""FID and KID: pyiqa's features and distance, on sets of pictures."""

import socket

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut, coffee

from bench_core.errors import CellFailure
from bench_core.metric import SetMetric
from bench_core.plugins import registry
from bench_core.torchvision_shim import ensure
from bench_core.weights import lookup
from bench_iqa import backend, sets

PHOTOS = [np.ascontiguousarray(part) for part in (astronaut()[:90, 100:220], coffee()[50:350, 200:520])]


def create(name):
    return registry().metrics.create(f"iqa:{name}")


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(backend, "_built", {})
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def random_inception(monkeypatch, tmp_path):
    """FID's network as pyiqa builds it, with random weights in the place of the real ones."""
    ensure()
    from pyiqa.archs import inception

    with monkeypatch.context() as patch, backend._quiet_warnings():
        patch.setattr(inception, "load_pretrained_network", lambda *_, **__: None)
        torch.manual_seed(0)
        torch.save(inception.fid_inception_v3().state_dict(), tmp_path / "random.pth")
    monkeypatch.setattr(backend, "find", lambda name: tmp_path / "random.pth")
    monkeypatch.setattr(inception, "FID_WEIGHTS_URL", inception.FID_WEIGHTS_URL)
    return backend._inception()


def test_features_are_pyiqas_of_the_same_picture(random_inception, tmp_path):
    from pyiqa.archs.fid_arch import get_folder_features

    for index, photo in enumerate([*PHOTOS, PHOTOS[0][:, :, :1]]):
        Image.fromarray(photo.squeeze()).save(tmp_path / f"{index}.png")
    expected = get_folder_features(
        str(tmp_path), random_inception, num_workers=0, batch_size=1, device=torch.device("cpu"), verbose=False
    )
    found = np.stack([create("fid").describe(photo) for photo in [*PHOTOS, PHOTOS[0][:, :, :1]]])
    assert found.shape == (3, 2048)
    assert found.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(create("kid").describe(PHOTOS[0]), found[0])


def test_the_resizing_is_clean_fids_to_the_bit(tmp_path):
    from pyiqa.archs.fid_arch import ResizeDataset

    for photo in PHOTOS:
        Image.fromarray(photo).save(tmp_path / "a.png")
        expected = (ResizeDataset([tmp_path / "a.png"], "clean")[0] - 128) / 128
        np.testing.assert_array_equal(sets.inception_input(photo), expected.numpy())


def gaussians(count=400, size=12):
    generator = np.random.default_rng(3)
    mixing = generator.normal(size=(size, size)) / 3
    return generator.normal(size=(count, size)), generator.normal(size=(count, size)) @ mixing + 0.5


def names(count):
    return [str(index) for index in range(count)]


def test_fid_is_the_frechet_distance_of_two_gaussians():
    from scipy import linalg

    estimates, references = gaussians()
    score = create("fid").compare(estimates, references, names(400), 0)
    one, two = (np.cov(part, rowvar=False) for part in (estimates, references))
    # Dowson and Landau 1982, with the symmetric form of the root.
    half = linalg.sqrtm(one)
    expected = ((estimates.mean(0) - references.mean(0)) ** 2).sum()
    expected += np.trace(one + two - 2 * np.real(linalg.sqrtm(half @ two @ half)))
    assert score.value == pytest.approx(expected, rel=1e-6)
    assert score.value > 1


def test_fid_of_diagonal_gaussians_has_a_closed_form():
    generator = np.random.default_rng(0)
    white = generator.normal(size=(4000, 3))
    white = (white - white.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False))).T
    scales, shift = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, -2.0])
    score = create("fid").compare(white * scales + shift, white, names(4000), 0)
    assert score.value == pytest.approx((shift**2).sum() + ((scales - 1) ** 2).sum(), rel=1e-6)
    assert score.details == {"n": 4000}


def test_fid_of_equal_sets_is_nothing_and_depends_on_no_order():
    estimates, references = gaussians()
    metric = create("fid")
    assert metric.compare(references, references, names(400), 0).value == pytest.approx(0, abs=1e-6)
    turned = metric.compare(estimates[::-1], references, names(400), 1).value
    assert turned == pytest.approx(metric.compare(estimates, references, names(400), 0).value, rel=1e-9)


def test_few_pictures_are_marked():
    estimates, references = gaussians(count=5)
    for count in (2, 5):
        score = create("fid").compare(estimates[:count], references[:count], names(count), 0)
        assert np.isfinite(score.value)
        assert score.details["n"] == count
        assert f"of {count} pictures; FID needs 2048" in score.details["note"]


def test_kid_is_pyiqas_over_the_whole_sets():
    from pyiqa.archs.fid_arch import mmd_polynomial_kernel

    estimates, references = gaussians()
    state = np.random.get_state()
    score = create("kid").compare(estimates, references, names(400), 0)
    assert np.array_equal(np.random.get_state()[1], state[1])
    theirs = mmd_polynomial_kernel(estimates, references, num_subsets=1, max_subset_size=400)
    np.random.set_state(state)
    assert score.value == pytest.approx(theirs, rel=1e-9)
    assert score.details == {"n": 400}
    assert create("kid").compare(estimates[:2], references[:2], names(2), 0).value != 0


def test_kid_in_pieces_is_the_same(monkeypatch):
    estimates, references = gaussians(count=100)
    whole = create("kid").compare(estimates, references, names(100), 0).value
    monkeypatch.setattr(sets, "_ROWS", 7)
    assert create("kid").compare(estimates, references, names(100), 0).value == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", ["fid", "kid"])
def test_they_are_metrics_of_sets_with_their_implementation(name):
    metric = create(name)
    assert isinstance(metric, SetMetric)
    assert (metric.kind, metric.direction, metric.least) == ("set", "lower", 2)
    assert metric.implementation.startswith(f"iqa:{name}@pyiqa-")
    with pytest.raises(CellFailure, match="compares sets"):
        metric(PHOTOS[0], PHOTOS[0])


@pytest.mark.parametrize("name", ["fid", "kid"])
def test_missing_weights_are_a_status_and_the_network_is_left_alone(name, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    with pytest.raises(CellFailure, match=r"bench weights fetch inception-fid$") as failure:
        create(name).describe(PHOTOS[0])
    assert failure.value.status == "weights_missing"


def test_what_pyiqa_has_fetched_before_serves_if_it_is_the_right_file(tmp_path):
    place = tmp_path / "hub" / "pyiqa" / "pt_inception-2015-12-05-6726825d.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"something else")
    with pytest.raises(CellFailure, match=r"6726825d\.pth is damaged"):
        create("fid").describe(PHOTOS[0])


def test_the_weights_are_those_that_pyiqa_would_fetch():
    ensure()
    from pyiqa.archs import inception

    known = lookup("inception-fid")
    assert inception.FID_WEIGHTS_URL in [source.url for source in known.sources]
    assert set(known.needed_by) == {"iqa:fid", "iqa:kid"}


@pytest.mark.parametrize("value", [float("nan"), ValueError("Imaginary component 3")])
def test_a_distance_that_does_not_exist_is_a_status(monkeypatch, value):
    from pyiqa.archs import fid_arch

    def distance(*fitted):
        if isinstance(value, Exception):
            raise value
        return value

    monkeypatch.setattr(fid_arch, "frechet_distance", distance)
    with pytest.raises(CellFailure) as failure:
        create("fid").compare(*gaussians(), names(400), 0)
    assert failure.value.status == "nan_output"


def test_features_that_are_not_finite_are_a_status(random_inception, monkeypatch):
    monkeypatch.setattr(type(random_inception), "forward", lambda *_: [torch.full((1, 2048, 1, 1), float("nan"))])
    with pytest.raises(CellFailure) as failure:
        create("fid").describe(PHOTOS[0])
    assert failure.value.status == "nan_output"


def test_comparing_is_silent(capfd):
    estimates, references = gaussians(count=3)
    create("fid").compare(estimates, np.zeros_like(references), names(3), 0)
    assert capfd.readouterr() == ("", "")
