"""The leaderboard's parts that need no database: reading ids, scales, markers."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import bench_leaderboard
from bench_core.store.writer import picture_path
from bench_leaderboard import svg
from bench_leaderboard.degradations import families, label, stages
from bench_leaderboard.gallery import PictureShelf, amplified

STATIC = Path(bench_leaderboard.__file__).parent / "static"


@pytest.mark.parametrize(
    ("degradation", "expected"),
    [
        ("identity", "clean"),
        ("jpeg:q=40,ss=420", "JPEG 40"),
        ("jpeg:q=40,ss=444", "JPEG 40 ss=444"),
        ("webp:method=4,q=80", "WebP 80"),
        ("webp-lossless", "WebP lossless"),
        ("gaussian:gray=1,sigma=2.5", "Gaussian 2.5 gray=1"),
        ("poisson:gray=0,peak=255", "Poisson 255"),
        ("jpeg:q=80,ss=420+gaussian:gray=0,sigma=10", "JPEG 80 + Gaussian 10"),
        ("holograph:level=2", "holograph:level=2"),
        ("plain", "plain"),
    ],
)
def test_labels_are_short_and_unknown_degradations_keep_their_id(degradation, expected):
    assert label(degradation) == expected


def test_a_family_is_what_differs_in_one_number_in_rising_order():
    found = families(["jpeg:q=100,ss=420", "jpeg:q=9,ss=420", "jpeg:q=9,ss=444", "identity", "gaussian:gray=0,sigma=5"])
    assert [(family.title, family.axis) for family in found] == [("JPEG", "JPEG quality")]
    assert found[0].levels == ((9.0, "jpeg:q=9,ss=420"), (100.0, "jpeg:q=100,ss=420"))


def test_subsampling_is_no_level_and_other_subsampling_is_another_family():
    ids = [f"jpeg:q={q},ss={ss}" for q in (40, 90) for ss in (420, 444)]
    assert [family.title for family in families(ids)] == ["JPEG", "JPEG ss=444"]


def test_chains_and_strangers_make_families_too():
    ids = [
        "jpeg:q=80,ss=420+gaussian:gray=0,sigma=5",
        "jpeg:q=80,ss=420+gaussian:gray=0,sigma=10",
        "fog:d=1,t=a",
        "fog:d=2,t=a",
    ]
    assert [(f.title, f.axis, [level for level, _ in f.levels]) for f in families(ids)] == [
        ("fog:d=…,t=a", "fog d", [1.0, 2.0]),
        ("JPEG 80 + Gaussian", "σ of Gaussian noise, in levels", [5.0, 10.0]),
    ]


@given(st.text(alphabet="abc:=,+.0123456789-<>&\"'", max_size=40))
def test_no_id_whatever_it_holds_is_an_error(text):
    assert isinstance(label(text), str)
    assert len(stages(text)) == text.count("+") + 1
    assert all(len(family.levels) > 1 for family in families([text, "jpeg:q=1,ss=420"]))


finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=6))
def test_every_value_lies_inside_its_span_and_ticks_lie_on_the_axis(values):
    low, high = svg.span(values)
    assert low < min(values) <= max(values) < high
    scale = svg.Scale(low, high, 300, 20)
    assert all(20 <= scale(value) <= 300 for value in values)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert all(19.9 <= scale(tick) <= 300.1 for tick in ticks)


def test_a_logarithmic_scale_has_equal_steps_for_equal_factors():
    scale = svg.Scale(1, 100, 0, 200, log=True)
    assert [scale(1), scale(10), scale(100)] == [0, 100, 200]


def test_series_beyond_the_colors_differ_in_their_marker():
    def shape(index):
        root = svg.chart("k", "t", "d", 10)
        svg.marker(root, 0, 0, index)
        return root.find("path").get("d"), index % svg.COLORS

    assert len({shape(index) for index in range(3 * svg.COLORS)}) == 3 * svg.COLORS


def test_a_chart_is_well_formed_whatever_its_names_hold():
    root = svg.chart("k", "<script>", "a & b", 100)
    svg.legend(root, [(0, "run", "</svg><b onload=x>")], 10, 18)
    again = ElementTree.fromstring(svg.markup(root))
    assert again.find(f"{{{svg.NAMESPACE}}}title").text == "<script>"
    assert "<b" not in svg.markup(root)


def test_differences_are_amplified_and_clipped():
    first = np.array([[[0, 10, 255]]], dtype=np.uint8)
    second = np.array([[[3, 10, 0]]], dtype=np.uint8)
    assert amplified(first, second).tolist() == amplified(second, first).tolist() == [[[30, 0, 255]]]


def test_maps_of_class_numbers_are_shown_in_colors_and_differ_in_white(tmp_path):
    maps = {"a": [[0, 1, 15]], "b": [[0, 2, 15]]}
    for name, numbers in maps.items():
        path = picture_path(tmp_path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array(numbers, np.uint8)).save(path)
    shelf = PictureShelf(tmp_path, tmp_path / "site")
    name, width, height = shelf.picture("a", labels=True)
    assert (width, height) == (3, 1)
    with Image.open(tmp_path / "site" / name) as shown:
        assert np.array(shown).tolist() == [[[0, 0, 0], [128, 0, 0], [192, 128, 128]]]
    with Image.open(tmp_path / "site" / shelf.picture("a")[0]) as kept:
        assert np.array(kept).tolist() == maps["a"]
    with Image.open(tmp_path / "site" / shelf.difference("a", "b", labels=True)[0]) as difference:
        assert np.array(difference).tolist() == [[0, 255, 0]]
    with Image.open(tmp_path / "site" / shelf.difference("a", "b")[0]) as difference:
        assert np.array(difference).tolist() == [[0, 10, 0]]


def test_the_script_is_small_and_keeps_to_itself():
    script = (STATIC / "board.js").read_text("utf-8")
    assert len(script.encode()) <= 25 * 1024
    assert not re.search(r"https?:|fetch\(|XMLHttp|eval\(|innerHTML|localStorage|cookie", script)


def luminance_of(color):
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    light, dark = sorted((luminance_of(first), luminance_of(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colors_keep_wcag_aa_contrast_in_both_schemes():
    style = (STATIC / "style.css").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.S)[:2]
    )
    assert light.keys() == dark.keys()
    for scheme in (light, dark):
        for paper in ("paper", "panel", "best"):
            for ink in ("ink", "muted", "link", "mark", "star"):
                assert contrast(scheme[ink], scheme[paper]) >= 4.5, (ink, paper)
        for series in (name for name in scheme if re.fullmatch(r"s\d", name)):
            assert contrast(scheme[series], scheme["paper"]) >= 4.5, series
