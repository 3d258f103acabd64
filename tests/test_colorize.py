"""`bench colorize`: the photo's own size and lightness, the method's colors, and one clear line for bad requests."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from bench_core.cli.main import main
from bench_core.images import luminance, read_gray, read_image
from bench_core.plugins import registry

PLUGIN = """
import numpy as np
from bench_core import hookimpl
from bench_core.model import ArrayModel
from bench_core.task import COLORIZATION

class Sunset(ArrayModel):
    "Orange at one lightness, whatever it is given: a method that keeps nothing of the picture."
    name, task, outputs = "sunset", COLORIZATION, ("color",)

    def decode(self, received, condition):
        return {"color": np.broadcast_to(np.array([230, 120, 40], np.uint8), (*received.shape[:2], 3))}

class Blind(Sunset):
    name, outputs = "blind", ("saliency",)

    def decode(self, received, condition):
        return {"saliency": received}

@hookimpl
def register_models(register):
    register("sunset", "painters:Sunset")
    register("blind", "painters:Blind")
"""


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    (tmp_path / "painters.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_PLUGINS", "bench_testbed,painters")
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["colorize", *map(str, arguments)])
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    yield run
    registry.cache_clear()


@pytest.fixture
def photo(tmp_path) -> Path:
    """A gray photo of odd sides, taller than the rows that are joined at a time."""
    path = tmp_path / "old.jpg"
    Image.fromarray(data.astronaut()).convert("L").crop((0, 0, 301, 403)).save(path, quality=90)
    return path


def test_the_result_has_the_size_and_lightness_of_the_photo_and_the_methods_hue(bench, photo, tmp_path):
    assert bench(photo, "-p", "sunset", "-o", "new.png")[:2] == (0, "new.png\n")
    made, gray = read_image(tmp_path / "new.png"), read_gray(photo)
    assert made.shape == (403, 301, 3)
    lab = rgb2lab(made)
    light = rgb2lab(np.repeat(gray, 3, axis=2))[:, :, 0]
    assert np.abs(lab[:, :, 0] - light).max() < 0.6  # a level of rounding, in the dark
    middle = (light > 30) & (light < 80)
    hue = np.degrees(np.arctan2(lab[:, :, 2], lab[:, :, 1]))[middle]
    wanted = rgb2lab(np.array([[[230, 120, 40]]], np.uint8))[0, 0]
    assert np.abs(hue - np.degrees(np.arctan2(wanted[2], wanted[1]))).max() < 4


def test_a_color_photo_gives_its_luminance_alone(bench, photo, tmp_path):
    color = tmp_path / "color.png"
    Image.fromarray(data.coffee()[:40, :60]).save(color)
    Image.fromarray(luminance(data.coffee()[:40, :60])[:, :, 0]).save(tmp_path / "gray.png")
    bench(color, "-p", "paint", "-o", "a.png")
    bench(tmp_path / "gray.png", "-p", "paint", "-o", "b.png")
    a, b = (read_image(tmp_path / name).astype(int) for name in ("a.png", "b.png"))
    assert (a == b).all()
    assert np.ptp(a, axis=2).max() <= 1


def test_several_photos_go_into_a_folder(bench, photo, tmp_path):
    Image.new("L", (1, 1), 90).save(tmp_path / "dot.png")
    code, out, _ = bench(photo, tmp_path / "dot.png", "-p", "sunset", "-o", "out")
    assert (code, out.split()) == (0, ["out/old.png", "out/dot.png"])
    with Image.open(tmp_path / "out" / "dot.png") as dot:
        assert dot.size == (1, 1)


def test_a_result_without_a_suffix_is_a_png_and_named_so(bench, photo, tmp_path):
    assert bench(photo, "-p", "sunset", "-o", "new")[:2] == (0, "new.png\n")
    assert (tmp_path / "new.png").read_bytes().startswith(b"\x89PNG")


def test_a_suffix_is_refused_before_the_method_works(bench, photo, monkeypatch):
    monkeypatch.setattr("bench_core.cli.colorize.decode_carrier", lambda *_: pytest.fail("decoded"))
    assert bench(photo, "-p", "sunset", "-o", "x.jpg")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["old.jpg", "-p", "keep", "-o", "x.png"],
            "keep is no colorization method (steganography); try -p with one of",
        ),
        (["old.jpg", "-p", "blind", "-o", "x.png"], "blind gives no color, only saliency"),
        (["gone.jpg", "-p", "sunset", "-o", "x.png"], "gone.jpg: no such file"),
        (["old.jpg", "-p", "sunset", "-o", "x.jpg"], "x.jpg: pictures are written without loss"),
        (["old.jpg", "old.jpg", "-p", "sunset", "-o", "out"], "-o out: two photos would become old.png"),
        (["old.jpg", "dot.png", "-p", "sunset", "-o", "old.jpg"], "-o old.jpg: is a file; 2 photos need a folder"),
        (["dot.png", "-p", "sunset", "-o", "dot.png"], "-o dot.png: dot.png is PHOTO itself"),
        (["dot.png", "-p", "sunset", "-o", "dot"], "-o dot: dot.png is PHOTO itself"),
        (["old.jpg", "gone.png", "-p", "sunset", "-o", "out"], "gone.png: no such file"),
        (["old.jpg", "text.png", "-p", "sunset", "-o", "out"], "text.png: not a picture in a format"),
        (["old.jpg", "link.png", "-p", "sunset", "-o", "kept"], "-o kept: kept/old.png is PHOTO itself"),
        (["old.jpg", "-p", "sunset", "-o", "x.pgm"], "x.pgm: color pictures are written without loss"),
        ([".", "-p", "sunset", "-o", "x.png"], ".: Is a directory"),
    ],
)
def test_a_bad_request_is_one_line_and_writes_nothing(bench, photo, tmp_path, arguments, said):
    Image.new("L", (1, 1), 90).save(tmp_path / "dot.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "kept").mkdir()
    Image.new("L", (1, 1), 90).save(tmp_path / "kept" / "old.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "kept" / "old.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = bench(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {said}")
    assert len(err.splitlines()) == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
