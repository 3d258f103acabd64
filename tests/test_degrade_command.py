import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage.data import astronaut

from bench_core.cli.degrade import degrade
from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry

PHOTO = astronaut()[::8, ::8]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("in.png")
    Image.fromarray(PHOTO).convert("L").save("gray.png")
    return tmp_path


def bench(*arguments):
    return CliRunner().invoke(degrade, arguments, catch_exceptions=True)


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def send(spec, image, name="in.png", seed=0, repeat=0):
    return parse_channels([spec], registry().degradations)[0].send(image, seed, name, repeat).image


@pytest.mark.parametrize("output", ["out.png", "out.tiff", "out.bmp", "out.webp", "OUT.PNG", "new/out.png", "out"])
def test_the_picture_is_written_without_further_loss(folder, output):
    result = bench("in.png", output, "-d", "jpeg:40")
    assert result.exit_code == 0
    written = np.asarray(Image.open(folder / (output if "." in output else "out.png")).convert("RGB"))
    assert np.array_equal(written, send("jpeg:40", PHOTO))
    first, second = result.output.splitlines()
    assert first == "jpeg:q=40,ss=420"
    assert second.startswith("encoded_bytes: ")


def test_a_gray_file_is_a_gray_carrier():
    assert bench("gray.png", "out.png", "-d", "gaussian:20").exit_code == 0
    written = Image.open("out.png")
    assert written.mode == "L"
    gray = np.asarray(Image.open("gray.png"))[..., None]
    assert np.array_equal(np.asarray(written), send("gaussian:20", gray, "gray.png")[..., 0])


def test_seed_and_repeat_key_the_noise():
    pictures = {}
    for seed, repeat in ((0, 0), (1, 0), (0, 1)):
        result = bench("in.png", "out.png", "--degrade", "poisson", "--seed", str(seed), "--repeat", str(repeat))
        assert result.output == "poisson:gray=0,peak=255\n"
        pictures[seed, repeat] = np.asarray(Image.open("out.png"))
        assert np.array_equal(pictures[seed, repeat], send("poisson", PHOTO, seed=seed, repeat=repeat))
    assert len({picture.tobytes() for picture in pictures.values()}) == 3


def test_a_chain_tells_what_each_stage_recorded():
    result = bench("in.png", "out.png", "-d", "jpeg:80+webp:40")
    assert result.output.startswith("jpeg:q=80,ss=420+webp:method=4,q=40\nencoded_bytes: ")
    assert 'stages: [{"id": "jpeg:q=80,ss=420", "encoded_bytes": ' in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("in.png", "out.jpg", "-d", "jpeg:40"), "out.jpg: pictures are written without loss, as "),
        (("in.png", "out.xyz", "-d", "jpeg:40"), "out.xyz: pictures are written without loss, as "),
        (("in.png", "in.png", "-d", "jpeg:40"), "in.png: is IN itself; give OUT another name"),
        (("in.png", "in", "-d", "jpeg:40"), "in: is IN itself; give OUT another name"),
        (("in.png", "folder.png", "-d", "jpeg:40"), "folder.png: cannot be written: "),
        (("none.png", "out.png", "-d", "jpeg:40"), "none.png: no such file"),
        (("text.png", "out.png", "-d", "jpeg:40"), "text.png: not a picture"),
        (("in.png", "out.png", "-d", "jpeg:101"), "--degrade jpeg:101: quality must be an integer from 1 to 100"),
        (
            ("in.png", "out.png", "-d", "jpeg:40/80"),
            "--degrade jpeg:40/80: stands for 2 degradations; one OUT takes one",
        ),
    ],
)
def test_bad_requests_write_nothing(folder, arguments, message):
    (folder / "text.png").write_text("not a picture")
    (folder / "folder.png").mkdir()
    before = contents(folder)
    result = bench(*arguments)
    assert isinstance(result.exception, RequestError)
    assert result.exception.exit_code == 2
    assert len(result.exception.problems) == 1
    assert result.exception.problems[0].startswith(message)
    assert contents(folder) == before


def test_from_the_shell():
    command = [sys.executable, "-m", "bench_core.cli.main", "degrade", "in.png"]
    result = subprocess.run([*command, "out.jpg", "-d", "jpeg:40"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    result = subprocess.run([*command, "out.png", "-d", "gaussian:0.04"], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "gaussian:gray=0,sigma=0.04\n")
    assert "for sigma on 0..1 write gaussian:sigma01=0.04" in result.stderr


def test_what_a_stage_gives_besides_lies_beside_the_output(folder, trips_testbed):
    assert bench("in.png", "out.png", "-d", "swap").exit_code == 0
    assert np.array_equal(np.array(Image.open("out.negative.png")), 255 - PHOTO)
    mask = np.array(Image.open("out.mask.png"))
    assert mask.shape == PHOTO.shape[:2]
    assert (mask[:32] == 255).all()
    assert (mask[32:] == 0).all()
