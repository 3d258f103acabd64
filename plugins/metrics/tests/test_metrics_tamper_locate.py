"""The map and its threshold, and `bench locate`: finding tampering with a threshold that was fixed beforehand."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import uniform_filter
from skimage.data import astronaut, chelsea, coffee
from sklearn.metrics import f1_score, jaccard_score, recall_score

from bench_core.cli.main import bench
from bench_core.errors import CellFailure, RequestError
from bench_core.images import read_gray, read_image, write_image
from bench_metrics.locate import heat_map
from bench_metrics.tamper import clean_threshold, detect, error_map, localize

MARK = coffee()[50:114, 100:180]
HOST = astronaut()[:64, 160:240]
OTHER = chelsea()[40:104, 100:180]


@pytest.mark.parametrize("side", [1, 7, 17])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_map_is_a_box_filter_of_the_mean_error(side, channels):
    estimate, reference = HOST[:, :, :channels], MARK[:, :, :channels]
    expected = uniform_filter(np.abs(estimate.astype(np.float64) - reference).mean(axis=2), side, mode="mirror")
    assert np.abs(error_map(estimate, reference, side) - expected).max() < 1e-4


@pytest.mark.parametrize("side", [0, -3, 4])
def test_a_box_without_a_center_is_refused(side):
    with pytest.raises(ValueError, match="odd and positive"):
        error_map(HOST, MARK, side)


def test_the_metrics_score_the_same_map():
    mask = np.zeros((64, 80, 1), np.uint8)
    mask[10:40, 20:60] = 255
    for side in (7, 17):
        best = localize(HOST, MARK, mask, side)
        levels = error_map(HOST, MARK, side)
        # `localize` counts pixels at the threshold, `detect` those above it.
        found = detect(levels, best.threshold - 1e-3, mask)
        assert (found.f1, found.iou) == pytest.approx((best.f1, best.iou))


@settings(max_examples=30)
@given(arrays(np.float32, (6, 7), elements=st.floats(0, 8, width=16)), arrays(np.bool_, (6, 7)), st.floats(0, 8))
def test_detection_is_that_of_scikit_learn(levels, tampered, threshold):
    tampered[0, 0], tampered[-1, -1] = True, False
    found, guess = detect(levels, threshold, tampered.astype(np.uint8)[:, :, None] * 255), levels > threshold
    for value, score in ((found.f1, f1_score), (found.iou, jaccard_score), (found.recall, recall_score)):
        assert value == pytest.approx(score(tampered.ravel(), guess.ravel(), zero_division=0))
    assert found.false_alarms == pytest.approx(guess[~tampered].mean())


def test_one_pixel_in_a_hundred_of_clean_maps_is_above_the_threshold():
    maps = [error_map(HOST, MARK, 17), error_map(OTHER, MARK, 17)]
    threshold = clean_threshold(maps)
    assert np.mean([levels > threshold for levels in maps]) == pytest.approx(0.01, abs=1e-3)
    assert clean_threshold(maps, 50) < threshold < max(levels.max() for levels in maps)
    with pytest.raises(ValueError, match="untampered"):
        clean_threshold([])


def test_masks_that_tell_nothing_apart_are_refused():
    levels = error_map(HOST, MARK)
    for gray, word in ((0, "nothing"), (255, "everything")):
        with pytest.raises(CellFailure, match=word):
            detect(levels, 1, np.full((64, 80, 1), gray, np.uint8))


def test_several_secrets_count_alike():
    revealed = np.concatenate([HOST, OTHER], axis=2)
    expected = (error_map(HOST, MARK, 7) + error_map(OTHER, HOST, 7)) / 2
    assert np.allclose(error_map(revealed, np.concatenate([MARK, HOST], axis=2), 7), expected)


def test_the_heat_map_is_blue_below_and_red_above():
    levels = np.zeros((20, 20), np.float32)
    levels[5:15, 5:15] = 40
    heat = heat_map(np.full((20, 20, 1), 128, np.uint8), levels, 10)
    assert heat.shape == (20, 20, 3)
    red, green, blue = (heat[:, :, channel].astype(int) for channel in range(3))
    assert (blue - red)[0, 0] > 50
    assert (red - blue)[10, 10] > 50
    assert (heat[5, 5:15] == 255).all()  # the outline
    assert (green[0] == green[0, 0]).all()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Containers of `lsb`, one of them tampered with, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, picture in (("host", HOST), ("other", OTHER), ("mark", MARK)):
        write_image(f"{name}.png", picture)
    for name in ("host", "other"):
        assert invoke("encode", "lsb", f"{name}.png", "mark.png", "-o", f"sent/{name}.png").exit_code == 0
    assert invoke("degrade", "sent/host.png", "received.png", "-d", "paste:0.1").exit_code == 0
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(bench, arguments)


LOCATE = ("locate", "lsb", "received.png", "--watermark", "mark.png", "-o", "map.png")


@pytest.mark.parametrize("source", [("--calibrate", "sent"), ("--clean", "sent/other.png"), ("--threshold", "9")])
def test_locate_finds_what_was_pasted(folder, source):
    result = invoke(*LOCATE, *source)
    assert result.exit_code == 0, result.output
    truth, found = (read_gray(name)[:, :, 0] > 127 for name in ("received.mask.png", "map.mask.png"))
    # A box of 17 pixels adds a rim of some 8 around a rectangle of 10 % of 64×80 pixels.
    assert jaccard_score(truth.ravel(), found.ravel()) > 0.35
    assert recall_score(truth.ravel(), found.ravel()) > 0.95
    lines = result.output.splitlines()
    assert lines[:2] == ["map.png", "map.mask.png"]
    assert lines[2].startswith("threshold: ")
    assert lines[3] == f"above it: {found.mean():.2%} of the picture"
    assert ("given" in lines[2]) == (source[0] == "--threshold")
    assert read_image("map.png").shape == HOST.shape


def test_locate_of_what_nobody_touched_finds_next_to_nothing(folder):
    write_image("received.png", read_image("sent/host.png"))
    assert invoke(*LOCATE, "--clean", "sent/other.png").exit_code == 0
    assert (read_gray("map.mask.png") > 127).mean() < 0.05


def test_the_box_and_the_percentile_can_be_chosen(folder):
    def above(*options):
        result = invoke(*LOCATE, "--clean", "sent/other.png", *options)
        assert result.exit_code == 0, result.output
        return float(result.output.split("threshold: ")[1].split()[0]), (read_gray("map.mask.png") > 127).mean()

    assert above("--percentile", "50")[0] < above()[0]
    assert above("--side", "3")[1] < above("--side", "31")[1]  # a wider box has a wider rim


def test_a_watermark_of_another_size_is_fitted_as_encode_fits_it(folder):
    write_image("mark.png", coffee()[:200, :300])
    assert invoke("encode", "lsb", "host.png", "mark.png", "-o", "sent.png").exit_code == 0
    write_image("received.png", read_image("sent.png"))
    assert invoke(*LOCATE, "--threshold", "20").exit_code == 0
    assert (read_gray("map.mask.png") > 127).mean() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (LOCATE, r"--threshold 20, --clean sent\.png or --calibrate FOLDER$"),
        ((*LOCATE, "--threshold", "3", "--clean", "sent/other.png"), "not both"),
        ((*LOCATE, "--calibrate", "nowhere"), "--calibrate nowhere: no such folder"),
        ((*LOCATE, "--calibrate", "empty"), "--calibrate empty: is empty"),
        ((*LOCATE, "--clean", "nowhere.png"), r"nowhere\.png: no such file"),
        ((*LOCATE, "--threshold", "3", "--side", "4"), "--side 4: must be odd"),
        ((*LOCATE, "--threshold", "3", "--watermark", "host.png"), r"hides 1 picture\(s\).*not 2"),
        ((*LOCATE[:4], "nowhere.png", *LOCATE[5:], "--threshold", "3"), r"--watermark nowhere\.png: no such file"),
        ((*LOCATE[:6], "received.png", "--threshold", "3"), "is one of the pictures given"),
        ((*LOCATE[:6], "sent/host.png", "--calibrate", "sent"), r"sent/host\.png is one of the pictures given"),
        (
            (*LOCATE[:2], "map.mask.png", *LOCATE[3:], "--threshold", "3"),
            r"-o map\.png: map\.mask\.png is one of the pictures given",
        ),
        ((*LOCATE[:6], "map.jpg", "--threshold", "3"), r"map\.jpg"),
        (("locate", "copy-gray", *LOCATE[2:], "--threshold", "3"), "hides no picture"),
    ],
)
def test_a_wrong_request_is_one_clear_line(folder, arguments, message):
    (folder / "empty").mkdir()
    before = sorted(path.name for path in folder.iterdir())
    result = invoke(*arguments)
    assert isinstance(result.exception, RequestError)
    assert result.exception.exit_code == 2
    assert len(result.exception.problems) == 1
    with pytest.raises(RequestError, match=message):
        raise result.exception
    assert sorted(path.name for path in folder.iterdir()) == before
