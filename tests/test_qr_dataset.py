"""QR codes as secrets: what is drawn, and what is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from bench_core.errors import CellFailure, RequestError
from bench_core.images import digest
from bench_core.plugins import registry
from bench_datasets.qr import ALPHABET, BORDER, CARD, COUNT, PARAMS, Qr

IDS = st.integers(0, COUNT - 1).map("qr-{:04}".format)


def read(picture):
    return [(code.text, code.ec_level) for code in zxingcpp.read_barcodes(picture[:, :, 0].copy())]


def extent(picture):
    """Top, bottom, left and right of what is dark, the last ones excluded."""
    dark = picture[:, :, 0] < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_the_default_code_is_version_2_at_7_pixels_a_module():
    picture = Qr().load("qr-0000")["color"]
    assert (picture.shape, picture.dtype, set(np.unique(picture))) == ((256, 256, 3), np.uint8, {0, 255})
    top, bottom, left, right = extent(picture)
    assert bottom - top == right - left == 25 * 7
    # Centered: 256 is 33 modules of 7 pixels, border included, and 25 pixels more.
    assert (top, left) == (12 + BORDER * 7, 12 + BORDER * 7)
    assert read(picture) == [(Qr().payload("qr-0000"), "M")]


@given(IDS, st.integers(66, 400), st.integers(66, 400))
def test_any_size_gives_whole_modules_in_the_middle(image_id, width, height):
    dataset = Qr()
    picture = dataset.draw(image_id, width, height)
    assert picture.shape == (height, width, 3)
    top, bottom, left, right = extent(picture)
    scale = min(width, height) // 33
    assert bottom - top == right - left == 25 * scale
    assert abs((top + bottom) - height) <= 1
    assert abs((left + right) - width) <= 1
    assert read(picture) == [(dataset.payload(image_id), "M")]


@given(IDS, st.integers(1, 120), st.sampled_from("LMQH"))
def test_options_set_the_length_and_the_level(image_id, chars, level):
    dataset = Qr(f"level={level},chars={chars}")
    assert read(dataset.load(image_id)["color"]) == [(dataset.payload(image_id), level)]
    assert len(dataset.payload(image_id)) == chars
    assert set(dataset.payload(image_id)) <= set(ALPHABET)


def test_the_longest_payload_still_has_a_picture():
    dataset = Qr("chars=1273,level=H")
    picture = dataset.load("qr-0007")["color"]
    assert picture.shape == (370, 370, 3)
    assert read(picture) == [(dataset.payload("qr-0007"), "H")]


def test_ids_are_many_and_payloads_all_differ():
    dataset = Qr()
    ids = dataset.ids()
    assert len(ids) == COUNT == len(set(ids))
    assert ids[:2] == ["qr-0000", "qr-0001"]
    assert len({dataset.payload(image_id) for image_id in ids}) == COUNT
    # Every character at every place about equally often: 4096 / 64 = 64 times, give or take five deviations.
    counts = np.array([[payload.count(c) for c in ALPHABET] for payload in map(dataset.payload, ids)]).sum(axis=0)
    assert abs(counts - 24 * 64).max() < 5 * (24 * 64) ** 0.5


def test_a_code_is_the_same_in_every_process():
    assert Qr().payload("qr-0042") == "wTPiTeYTSTlm8TYM5HoWOXxN"
    code = (
        "from bench_core.images import digest; from bench_datasets.qr import Qr;"
        "print(digest(Qr().draw('qr-0042', 99, 131)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == digest(Qr().draw("qr-0042", 99, 131))


def test_a_spec_names_what_differs_from_the_defaults_and_gives_the_set_again():
    for text, spec in (
        ("", "qr"),
        ("chars=24", "qr"),
        ("level=H", "qr:level=H"),
        (" level = Q , chars = 8 ", "qr:chars=8,level=Q"),
    ):
        dataset = Qr(text)
        assert dataset.spec == spec
        again = registry().datasets.create(spec)
        assert isinstance(again, Qr)
        assert (again.spec, again.chars, again.level) == (spec, dataset.chars, dataset.level)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("chars", "'chars' is no option; write key=value, e.g. qr:chars=40,level=H"),
        ("chars=40,", "'' is no option"),
        ("chars=", "'chars=' is no option"),
        ("chars=0", "the number of characters must be an integer from 1 to 1273"),
        ("chars=2000", "from 1 to 1273"),
        ("level=m", "the error correction level must be one of L, M, Q, H"),
        ("size=3", "unknown parameter 'size' for qr; known: chars, level"),
        ("chars=3,chars=4", "chars is given twice"),
    ],
)
def test_wrong_options_are_one_clear_line(options, problem):
    with pytest.raises(RequestError, match=re.escape(problem)) as caught:
        Qr(options)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("width", "height"), [(65, 400), (400, 65), (1, 1)])
def test_too_small_a_size_says_what_would_do(width, height):
    with pytest.raises(CellFailure) as caught:
        Qr().draw("qr-0001", width, height)
    assert caught.value.status == "skipped_unsupported"
    assert f"qr-0001 has 33 modules a side, border included, and needs 66 pixels, not {width}×{height}" in str(
        caught.value
    )
    assert Qr("chars=8").draw("qr-0001", 58, 58).shape == (58, 58, 3)


@pytest.mark.parametrize("image_id", ["qr-4096", "qr-1", "", "astronaut"])
def test_an_unknown_code_fails_by_name(image_id):
    with pytest.raises(CellFailure, match="no such code in qr"):
        Qr().load(image_id)
    with pytest.raises(CellFailure, match="no such code in qr"):
        Qr().draw(image_id, 256, 256)


def test_the_card_stands_in_the_readme_and_says_the_defaults():
    readme = (Path(__file__).parents[1] / "datasets" / "README.md").read_text()
    for line in CARD.splitlines():
        assert line in readme
    chars, level = PARAMS
    assert f"{COUNT} QR codes" in CARD
    assert f"of {chars.default} URL-safe characters" in CARD
    assert f"level {level.default}" in CARD


def test_codes_are_hidden_and_scanned_by_one_command(bench_command):
    asked = ["run", "-p", "lsb", "--secrets", "qr", "-d", "clean", "-d", "jpeg:40", "-m", "qr", "--size", "128"]
    bench_command(*asked, "--limit", "3", check=0)
    rows = json.loads(bench_command("export", "--format", "json", check=0).stdout)
    found = {}
    for row in rows:
        assert (row["status"], row["pair"]) == ("ok", "secret")
        found.setdefault((row["degradation"], row["metric"]), []).append(row["value"])
    assert found["identity", "qr_raw"] == found["identity", "qr_assisted"] == [1, 1, 1]
    assert found["identity", "qr_module_error"] == [0, 0, 0]
    assert found["jpeg:q=40,ss=420", "qr_raw"] == [0, 0, 0]
    assert min(found["jpeg:q=40,ss=420", "qr_module_error"]) > 0.2


def test_a_wrong_kind_of_code_is_refused_before_anything_runs(bench_command, tmp_path):
    done = bench_command("run", "-p", "lsb", "--secrets", "qr:level=X", "-m", "qr", check=2)
    assert "the error correction level must be one of L, M, Q, H" in done.stderr
    assert not (tmp_path / "bench.db").exists()
