"""`gray-lut`: a table of mean colors, made from photos and read back."""

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.data import astronaut, coffee

from bench_baselines import gray_table
from bench_baselines.gray_lut import GrayLut
from bench_baselines.gray_table import LEVELS, ColorSums, count_colors, read_table, write_table
from bench_baselines.train_lut import FILE, main
from bench_core.errors import MissingWeights, RequestError
from bench_core.images import luminance, write_image
from bench_core.model import Condition
from bench_core.plugins import registry
from bench_core.task import COLORIZATION

PHOTOS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)))


def table_of(*photos):
    return count_colors(photos).table()


@settings(max_examples=40)
@given(st.lists(PHOTOS, min_size=1, max_size=4), st.sampled_from([1, 20, 2**20]))
def test_the_table_holds_the_mean_color_of_each_level(photos, at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gray_table, "_PIXELS_AT_ONCE", at_once)
        table = table_of(*photos)
        again = table_of(*photos[::-1])
    assert np.array_equal(table, again)
    pixels = np.concatenate([photo.reshape(-1, 3) for photo in photos])
    levels = luminance(pixels[None])[0, :, 0]
    for level in range(LEVELS):
        if (levels == level).any():
            assert table[level] == pytest.approx(pixels[levels == level].mean(axis=0))
    assert table.shape == (LEVELS, 3)
    assert table.min() >= 0
    assert table.max() <= 255


def test_levels_that_no_photo_has_are_filled_in():
    photo = np.array([[(110, 100, 90), (200, 200, 210)]], np.uint8)
    low, high = luminance(photo).ravel().astype(int)
    table = table_of(photo)
    photo = photo.astype(float)
    assert table[low] == pytest.approx((110, 100, 90))
    middle = (low + high) // 2
    share = (middle - low) / (high - low)
    shift = (1 - share) * (photo[0, 0] - low) + share * (photo[0, 1] - high)
    assert table[middle] == pytest.approx(middle + shift)
    assert table[0] == pytest.approx(np.clip(photo[0, 0] - low, 0, 255))
    assert table[255] == pytest.approx(np.clip(255 + photo[0, 1] - high, 0, 255))
    with pytest.raises(ValueError, match="no photo"):
        ColorSums().table()


def test_a_gray_set_gives_gray_back(tmp_path):
    write_table(tmp_path / "t.csv", count_colors([np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)]))
    gray = astronaut()[:20, :30, :1]
    assert (tmp_path / "t.csv").read_text().startswith("gray,red,green,blue,pixels\n0,0.000000,0.000000,0.000000,1\n")
    assert np.array_equal(
        GrayLut(weights=tmp_path / "t.csv").decode(gray, Condition())["color"], gray.repeat(3, axis=2)
    )


def test_on_its_own_photos_no_other_color_of_a_level_is_nearer(tmp_path):
    photo = coffee()[:200, :300]
    sums = count_colors([photo])
    write_table(tmp_path / "deep" / "t.csv", sums)
    assert np.abs(read_table(tmp_path / "deep" / "t.csv") - sums.table()).max() < 1e-6
    method = GrayLut(weights=tmp_path / "deep" / "t.csv")
    gray = luminance(photo)
    (colored,) = (output["color"] for output in method.decode_all([gray], Condition()))
    assert colored.dtype == np.uint8
    assert colored.shape == photo.shape

    def error(picture):
        return ((picture.astype(float) - photo) ** 2).mean()

    assert error(colored) < 0.5 * error(gray.repeat(3, axis=2))
    for step in (-1, 1):
        assert error(np.clip(colored.astype(int) + step, 0, 255)) > error(colored)


def test_the_command_makes_a_table_that_a_run_takes(tmp_path):
    write_image(tmp_path / "photos" / "a.png", coffee()[:60, :60])
    write_image(tmp_path / "photos" / "b.png", astronaut()[:50, :60])
    arguments = ["--data", f"folder:{tmp_path / 'photos'}", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "over 6600 pixels" in done.output
    found = read_table(tmp_path / "out" / FILE)
    assert found == pytest.approx(table_of(coffee()[:60, :60], astronaut()[:50, :60]), abs=1e-6)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [FILE]
    entry = registry().models.get("gray-lut")
    assert entry.extra["train"] == "bench_baselines.train_lut:main"
    assert entry.load() is GrayLut
    assert GrayLut.task is COLORIZATION


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "missing --data and --out; e.g. bench train gray-lut --data"),
        (["--data", "sample"], "missing --out"),
        (["--data", "folder:missing", "--out", "x"], "--data: folder:missing: there is no such folder"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError) as caught:
        main.main(arguments, standalone_mode=False)
    assert caught.value.problems[0].startswith(problem)
    assert len(caught.value.problems) == 1
    assert not list(tmp_path.iterdir())


def test_without_a_table_it_says_how_to_make_one():
    with pytest.raises(MissingWeights, match=r"bench train gray-lut --data .*, then --weights") as caught:
        GrayLut()
    assert len(caught.value.problems) == 1


GOOD = ["gray,red,green,blue", *(f"{level},{level},{level},{level}" for level in range(LEVELS))]


def test_a_table_by_hand_needs_no_counts(tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(GOOD))
    assert np.array_equal(read_table(tmp_path / "t.csv"), np.arange(LEVELS)[:, None].repeat(3, axis=1))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        GOOD[:-1],
        [*GOOD, "256,0,0,0"],
        [*GOOD[:-2], GOOD[-1], GOOD[-2]],
        ["gray,red,green", *GOOD[1:]],
        [*GOOD[:-1], "255,256,0,0"],
        [*GOOD[:-1], "255,nan,0,0"],
        [*GOOD[:-1], "255,x,0,0"],
        [*GOOD[:-1], "255"],
    ],
)
def test_what_is_no_table_is_one_clear_line(tmp_path, lines):
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(RequestError, match=r"t\.csv is no table of colors: it needs the columns gray, red") as caught:
        GrayLut(weights=tmp_path / "t.csv")
    assert len(caught.value.problems) == 1


def test_binary_files_and_missing_ones_are_no_tables(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(RequestError, match="is no table of colors"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(RequestError, match="cannot be read: "):
        read_table(tmp_path / "missing.csv")


def test_neither_making_nor_using_a_table_needs_torch():
    code = (
        "import sys, bench_baselines.gray_lut, bench_baselines.train_lut;"
        "print([m for m in ('torch', 'pandas', 'scipy', 'cv2', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
