"""`print-capture` and `screen-capture` as degradations."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_goldens import FILE, STAGES, pattern, rng, thumbnail

from bench_capture import halftone, receiver
from bench_capture.camera import Photo
from bench_capture.halftone import SurfaceCache
from bench_capture.markers import detect, slot_layout
from bench_capture.receiver import jittered, refined_by_ecc
from bench_capture.registration import Pose, rectify
from bench_capture.severities import CAMERAS, OVERLAYS, PRINTERS, SCREEN_CAMERAS
from bench_capture.simulated import RENDER_PIXELS, PrintCapture, ScreenCapture
from bench_core.errors import CellFailure, RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry

KINDS = [(PrintCapture, {}), (ScreenCapture, {}), (ScreenCapture, {"moire": "pimog"})]
NAMES = ["print", "screen", "pimog"]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def digest(image):
    return hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


@pytest.mark.parametrize("name", STAGES)
def test_the_chain_is_the_one_whose_figures_are_kept(name):
    golden = json.loads(FILE.read_text())[name]
    for channels, kept in zip((3, 1), golden, strict=True):
        seen = thumbnail(STAGES[name].apply(pattern(channels), rng()).image)
        assert np.abs(seen - np.array(kept).reshape(seen.shape)).mean() <= 0.4


def test_the_kept_figures_tell_the_severities_apart():
    """A golden figure that anything passes would keep nothing."""
    golden = {name: np.array(kept[0]) for name, kept in json.loads(FILE.read_text()).items()}
    assert golden.pop("print-capture:1,halftone=none").tolist() == golden["print-capture:1"].tolist()  # it has no dots
    names = list(golden)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert np.abs(golden[name] - golden[other]).mean() > 0.8, (name, other)


@pytest.mark.parametrize(("make", "options"), KINDS, ids=NAMES)
def test_severities_grow(make, options, pictures):
    small = [cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA) for picture in pictures]

    def figure(stage):
        return np.mean([psnr(stage.apply(picture, rng(n)).image, picture) for n, picture in enumerate(small)])

    figures = [figure(make(severity=severity, **options)) for severity in range(1, 6)]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[4] + 5
    assert figures[4] > 11


def test_the_tables_grow_in_every_column():
    for table in (CAMERAS, SCREEN_CAMERAS):
        for name in ("corner_jitter", "rotation", "k1", "motion", "gradient", "vignetting", "shot_noise", "sharpening"):
            column = [getattr(camera, name) for camera in table]
            assert column == sorted(column), name
        assert [camera.scale for camera in table] == sorted((camera.scale for camera in table), reverse=True)
    assert [p.white - p.black for p in PRINTERS] == sorted((p.white - p.black for p in PRINTERS), reverse=True)
    assert OVERLAYS[2].moire == pytest.approx(0.15)


@pytest.mark.parametrize(("make", "options"), KINDS, ids=NAMES)
def test_equal_generators_give_equal_pictures_in_any_order_and_thread(make, options):
    halftone.SURFACES.clear()
    stages = [make(severity=s, **options) for s in (2, 4)]
    jobs = [(stage, pattern(c)[: 64 - n], n) for stage in stages for c in (1, 3) for n in (0, 1, 2)]

    def run(job):
        stage, image, key = job
        return digest(stage.apply(image, rng(key)).image)

    first = [run(job) for job in jobs]
    halftone.SURFACES.clear()
    assert [run(job) for job in reversed(jobs)] == first[::-1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, jobs)) == first
    assert len(set(first)) == len(first)


def test_the_cache_of_screens_changes_no_picture(monkeypatch):
    stage = PrintCapture(severity=3)
    kept = [digest(stage.apply(pattern(3), rng()).image) for _ in range(2)]
    monkeypatch.setattr(halftone, "SURFACES", SurfaceCache(limit=0))
    assert [digest(stage.apply(pattern(3), rng()).image)] * 2 == kept


def test_another_process_gives_the_same_pictures():
    names = [name for name in STAGES if ":3" in name]
    script = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from simulated_goldens import STAGES, pattern, rng\n"
        "for name in sys.argv[2:]:\n"
        "    print(hashlib.sha256(STAGES[name].apply(pattern(3), rng()).image.tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(FILE.parent), *names], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [digest(STAGES[name].apply(pattern(3), rng()).image) for name in names]


def test_nothing_global_is_drawn_from_or_seeded():
    np.random.seed(5)
    cv2.setRNGSeed(5)
    first = digest(PrintCapture().apply(pattern(3), rng()).image)
    state = np.random.get_state()[1].copy()
    np.random.seed(6)
    cv2.setRNGSeed(6)
    assert digest(PrintCapture().apply(pattern(3), rng()).image) == first
    np.random.seed(5)
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize(("make", "options"), KINDS, ids=NAMES)
def test_gray_comes_back_gray_and_is_what_equal_channels_give(make, options):
    gray = pattern(1)
    stage = make(severity=2, **options)
    one, three = stage.apply(gray, rng()).image, stage.apply(gray.repeat(3, axis=2), rng()).image
    assert one.shape == gray.shape
    luma = np.rint(three @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(one[..., 0] - luma).max() <= 1
    assert stage.apply(pattern(3), rng()).image.shape == (64, 64, 3)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 37),
    width=st.integers(1, 37),
    channels=st.sampled_from([1, 3]),
    kind=st.sampled_from(KINDS),
    severity=st.integers(1, 5),
    reg=st.sampled_from(["known", "fiducial", "oracle-ecc", "jitter"]),
    color=st.sampled_from(["none", "card", "affine"]),
)
def test_any_size_comes_back_as_it_was(height, width, channels, kind, severity, reg, color):
    make, options = kind
    image = (np.arange(height * width * channels) * 37 % 256).astype(np.uint8).reshape(height, width, channels)
    stage = make(severity=severity, reg=reg, colour=color, jitter=0.01 if reg == "jitter" else 0.0, **options)
    seen = stage.apply(image, rng()).image
    assert seen.shape == image.shape
    assert seen.dtype == np.uint8


def plain(value):
    if isinstance(value, dict):
        return all(type(key) is str and plain(part) for key, part in value.items())
    if isinstance(value, list):
        return all(plain(part) for part in value)
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize(("make", "options"), KINDS, ids=NAMES)
@pytest.mark.parametrize("reg", ["known", "jitter", "fiducial", "oracle-ecc"])
@pytest.mark.parametrize("color", ["none", "affine", "card"])
def test_details_are_plain_numbers_and_say_what_was_known(make, options, reg, color):
    jitter = 0.5 if reg == "jitter" else 0.0
    received = make(severity=2, reg=reg, colour=color, jitter=jitter, **options).apply(pattern(3), rng())
    details = received.details
    assert plain(details)
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    assert details["oracle"] == (reg == "oracle-ecc" or color == "affine")
    assert details["registration"]["method"] == reg
    assert details["color"]["method"] == color
    assert ("rms" in details["registration"]) == (reg in ("fiducial", "oracle-ecc"))
    assert ("grid_rms" in details["registration"]) == (reg != "known")
    assert {"pose", "light", "photo"} <= set(details)
    if not options:
        assert {"direction", "gradient", "exposure"} <= set(details["light"])
        assert len(details["sensor"]["white_balance"]) == 3
        assert "motion_angle" in details["lens"]


@pytest.mark.parametrize("make", [PrintCapture, ScreenCapture])
@pytest.mark.parametrize(("severity", "bar"), [(1, 0.1), (2, 0.3), (5, 0.5)])
def test_markers_find_the_container(make, severity, bar, pictures):
    squares = []
    for n, picture in enumerate(pictures[:3]):
        stage = make(severity=severity, reg="fiducial")
        details = stage.apply(picture, rng(100 + n)).details["registration"]
        squares.append(details["grid_rms"] ** 2)
        assert details["markers"] >= (8 if severity < 5 else 6)
    assert np.sqrt(np.mean(squares)) < bar


def test_found_markers_receive_nearly_what_the_known_pose_does(pictures):
    layout = slot_layout(256, 256)
    stage = PrintCapture(severity=3, reg="fiducial", save=True)
    received = stage.apply(pictures[0], rng())
    photo = received.extras["photo"]
    assert photo.dtype == np.uint8
    assert photo.shape[2] == 3
    assert len(detect(photo, wanted=set(layout.corners))) == received.details["registration"]["markers"] == 8
    again = stage.capture(stage.sheet(pictures[0], layout), rng())
    assert np.array_equal(again.image, photo)
    known = rectify(again.image, again.frame.pose, 256, 256)
    assert psnr(received.image, known) > 38
    assert PrintCapture(severity=3).apply(pattern(3), rng()).extras == {}


def test_an_oracle_is_better_and_the_card_is_honest(pictures):
    picture = pictures[1]
    figures = {
        color: psnr(PrintCapture(severity=1, reg="fiducial", colour=color).apply(picture, rng()).image, picture)
        for color in ("none", "affine", "card")
    }
    assert figures["affine"] > figures["none"] + 2
    assert figures["card"] > figures["none"] + 2


def test_the_ecc_oracle_mends_a_pose(pictures):
    picture = pictures[0]
    stage = PrintCapture(severity=2, reg="oracle-ecc")
    photo = stage.capture(stage.sheet(picture, slot_layout(256, 256)), rng())
    for key in (1, 2, 3):
        wrong = jittered(photo.frame.pose, 256, 256, 0.6, rng(key))
        mended = refined_by_ecc(photo, wrong, picture)
        assert mended.details["ecc"] > 0.8
        assert mended.details["grid_rms"] < min(0.15, 0.5 * wrong.details["grid_rms"])
    flat = stage.apply(np.full((40, 40, 3), 255, np.uint8), rng()).details["registration"]
    assert flat["ecc"] is None
    assert flat["grid_rms"] < 0.3


def test_jitter_is_of_the_corners_and_leaves_the_noise_alone(pictures):
    picture = pictures[0]
    details = PrintCapture(severity=1, jitter=2.0).apply(picture, rng()).details
    assert np.abs(details["registration"]["corner_shifts"]).max() < 10
    assert 0.3 < details["registration"]["grid_rms"] < 5
    known = PrintCapture(severity=1).apply(picture, rng()).details
    assert {key: known[key] for key in ("pose", "light", "photo")} == {
        k: details[k] for k in ("pose", "light", "photo")
    }
    shifts = [
        PrintCapture(severity=1, jitter=0.5).apply(pattern(1), rng(key)).details["registration"]["corner_shifts"]
        for key in range(40)
    ]
    assert np.std(shifts) == pytest.approx(0.5, rel=0.15)


def test_a_folded_pose_and_missing_markers_fail_the_cell(monkeypatch):
    failures = []
    for key in range(12):
        try:
            PrintCapture(severity=1, jitter=30.0).apply(np.zeros((2, 2, 1), np.uint8), rng(key))
        except CellFailure as failure:
            failures.append(failure)
    assert failures
    assert {failure.status for failure in failures} == {"capture_failed"}

    stage = PrintCapture(severity=1, reg="fiducial")
    photo = stage.capture(stage.sheet(pattern(3), slot_layout(64, 64)), rng())
    dark = Photo(np.zeros_like(photo.image), photo.frame, {})
    monkeypatch.setattr(PrintCapture, "capture", lambda *_: dark)
    with pytest.raises(CellFailure, match="capture_failed: 0 of 8 markers found"):
        stage.apply(pattern(3), rng())

    # A bad fit is refused as in real photos; and rows are strict JSON, so no NaN gets into their details.
    monkeypatch.setattr(PrintCapture, "capture", lambda *_: photo)
    stage.apply(pattern(3), rng())
    for rms, off in ((1.6, 0.1), (float("nan"), 0.1), (0.1, float("nan")), (0.1, float("inf"))):
        monkeypatch.setattr(receiver, "fit", lambda *_, rms=rms: (photo.frame.pose, rms))
        monkeypatch.setattr(receiver, "grid_error", lambda *_, off=off: off)
        with pytest.raises(CellFailure, match="capture_failed: markers fit badly"):
            stage.apply(pattern(3), rng())


def test_a_picture_too_large_to_render_is_skipped():
    side = int((RENDER_PIXELS / 81) ** 0.5) + 1
    with pytest.raises(CellFailure, match="skipped_unsupported: screen-capture renders up to about 1271x1271"):
        ScreenCapture().apply(np.zeros((side, side, 1), np.uint8), rng())
    with pytest.raises(CellFailure, match="renders up to about 1127x1127"):  # markers take room too
        ScreenCapture(reg="fiducial").apply(np.zeros((1128, 1128, 1), np.uint8), rng())
    with pytest.raises(CellFailure, match="skipped_unsupported"):
        PrintCapture().apply(np.zeros((1, 9000, 1), np.uint8), rng())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("print-capture:9", "--degrade print-capture:9: severity must be 1..5"),
        ("screen-capture:0", "--degrade screen-capture:0: severity must be 1..5"),
        ("print-capture:2.5", "--degrade print-capture:2.5: severity must be 1..5"),
        (
            "print-capture:3,reg=jitter",
            "needs a jitter in pixels, e.g. print-capture:3,reg=jitter,jitter=0.5",
        ),
        (
            "screen-capture:2,reg=fiducial,jitter=1",
            "jitter is of the known pose, not of reg=fiducial; write screen-capture:2,reg=jitter,jitter=1",
        ),
        ("print-capture:3,reg=magic", "reg (registration) must be one of known, fiducial, jitter, oracle-ecc"),
        ("print-capture:3,moire=pimog", "unknown parameter 'moire' for print-capture; known: severity, reg, jitter"),
        ("screen-capture:3,halftone=am", "unknown parameter 'halftone' for screen-capture"),
    ],
)
def test_messages(spec, message):
    with pytest.raises(RequestError) as caught:
        parse_channels([spec], registry().degradations, presets={})
    assert message in str(caught.value)


def test_ids_and_the_preset():
    channels = parse_channels(["@print"], registry().degradations, presets={})
    assert len(channels) == 10
    assert channels[0].id == "print-capture:colour=none,halftone=am,jitter=0,reg=known,save=0,severity=1"
    assert channels[9].id == "screen-capture:colour=none,jitter=0,moire=emergent,reg=known,save=0,severity=5"
    assert all(channel.stochastic for channel in channels)
    spellings = ["print-capture:3,jitter=1", "print-capture:3,reg=jitter,jitter=1", "print-capture:jitter=1"]
    assert len(parse_channels(spellings, registry().degradations, presets={})) == 1


def test_the_pose_in_the_details_is_the_photos(pictures):
    """Whoever reads a row can find the container in the photo again."""
    received = PrintCapture(severity=4, save=True).apply(pictures[3], rng())
    pose, photo = received.details["pose"], received.extras["photo"]
    size = received.details["photo"]
    assert photo.shape == (size["height"], size["width"], 3)
    center = ((size["width"] - 1) / 2, (size["height"] - 1) / 2)
    again = Pose(np.array(pose["homography"]), pose["k1"], center, np.hypot(size["width"], size["height"]) / 2)
    assert np.array_equal(rectify(photo, again, 256, 256), received.image)
