"""Sizes, the pairing of hosts and secrets, and what happens to pictures that cannot be read."""

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError
from bench_core.images import luminance
from bench_core.samples import Size, build_samples
from bench_core.task import COLORIZATION, INVERTIBLE_GRAYSCALE, STEGANOGRAPHY


def picture(name, height=12, width=12):
    return np.random.default_rng(list(name.encode())).integers(0, 256, (height, width, 3), dtype=np.uint8)


class Pictures(Dataset):
    """Pictures made of their names; those in `broken` cannot be read."""

    name = "pictures"

    def __init__(self, names, broken=(), sizes=None, extra=None):
        self.names, self.broken, self.sizes, self.extra = list(names), set(broken), sizes or {}, extra or {}
        self.loads = []

    def ids(self):
        return list(self.names)

    def load(self, image_id):
        self.loads.append(image_id)
        if image_id in self.broken:
            raise CellFailure("decode_failed", f"{image_id}: damaged")
        return {"color": picture(image_id, *self.sizes.get(image_id, (12, 12))), **self.extra}


NAMES = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=2, max_size=12, unique=True)


@given(names=NAMES, seed=st.integers(0, 2**63), secrets=st.integers(1, 4), data=st.data())
def test_the_pairing_is_a_derangement_that_no_listing_order_changes(names, seed, secrets, data):
    if len(names) <= secrets:
        with pytest.raises(RequestError, match=f"{secrets + 1} readable pictures are needed"):
            build_samples(Pictures(names), STEGANOGRAPHY, seed=seed, secrets=secrets)
        return
    samples = build_samples(Pictures(names), STEGANOGRAPHY, seed=seed, secrets=secrets)
    shuffled = data.draw(st.permutations(names))
    again = build_samples(Pictures(shuffled), STEGANOGRAPHY, seed=seed, secrets=secrets)
    assert samples.pairing == again.pairing
    assert samples.digest == again.digest
    assert samples.digests == again.digests
    for k in range(secrets):
        chosen = [samples.pairing[name][k] for name in names]
        assert sorted(chosen) == sorted(names)  # each picture is the kth secret of exactly one host
    for name in names:
        assert len({name, *samples.pairing[name]}) == secrets + 1
        expected = np.concatenate([picture(other) for other in samples.pairing[name]], axis=2)
        assert (samples[name]["host"] == picture(name)).all()
        assert (samples[name]["secret"] == expected).all()


@given(names=NAMES, seed=st.integers(0, 100), data=st.data())
def test_unreadable_pictures_are_named_and_left_out_of_the_pairing(names, seed, data):
    broken = data.draw(st.sets(st.sampled_from(names), max_size=len(names) - 2))
    samples = build_samples(Pictures(names, broken), STEGANOGRAPHY, seed=seed)
    good = [name for name in names if name not in broken]
    assert list(samples.ids) == list(samples) == good
    assert samples.failures == {name: f"{name}: damaged" for name in names if name in broken}
    # As if they had never been there.
    assert samples.pairing == build_samples(Pictures(good), STEGANOGRAPHY, seed=seed).pairing
    with pytest.raises(KeyError):
        samples[next(iter(broken), "no such name")]


def test_another_seed_pairs_differently():
    names = [f"picture-{index}" for index in range(20)]
    first, second = (build_samples(Pictures(names), STEGANOGRAPHY, seed=seed).pairing for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("task", [STEGANOGRAPHY, INVERTIBLE_GRAYSCALE])
def test_a_limit_takes_the_first_and_changes_no_sample(task):
    names = [f"picture-{index}" for index in range(9)]
    whole = build_samples(Pictures(names), task, seed=3)
    part = build_samples(Pictures(names, broken=["picture-1"]), task, seed=3, limit=4)
    assert part.ids == ("picture-0", "picture-2", "picture-3")
    assert list(part.failures) == ["picture-1"]
    unbroken = build_samples(Pictures(names), task, seed=3, limit=4)
    assert unbroken.digests == {name: whole.digests[name] for name in names[:4]}
    assert unbroken.digest != whole.digest
    one = build_samples(Pictures(names), task, seed=3, limit=1)
    assert len(one) == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit):
    with pytest.raises(RequestError, match=r"--limit must be an integer >= 1, not .*; e\.g\. --limit 4"):
        build_samples(Pictures("ab"), COLORIZATION, seed=0, limit=limit)


def test_too_few_readable_pictures_say_what_is_wrong():
    with pytest.raises(
        RequestError, match=r"but it has 1 \(2 cannot be read: .: damaged, …\); e\.g\. --dataset sample"
    ):
        build_samples(Pictures("abc", broken="ac"), STEGANOGRAPHY, seed=0)
    with pytest.raises(RequestError, match="a readable picture is needed"):
        build_samples(Pictures("abc", broken="abc"), COLORIZATION, seed=0)


def test_gray_tasks_hold_the_color_and_its_luminance():
    samples = build_samples(Pictures("abc"), INVERTIBLE_GRAYSCALE, seed=0)
    assert set(samples["a"]) == {"color", "gray"}
    assert (samples["a"]["gray"] == luminance(picture("a"))).all()


def test_colorization_also_holds_what_the_set_has():
    marks = np.arange(144, dtype=np.uint8).reshape(12, 12, 1)
    dataset = Pictures("abc", extra={"semantic": marks, "label": 7, "unknown": marks})
    samples = build_samples(dataset, COLORIZATION, seed=0, size=Size.parse("20"))
    assert set(samples["a"]) == {"color", "gray", "semantic", "label"}
    assert samples["a"]["label"] == 7
    assert samples["a"]["semantic"].shape == (20, 20, 1)
    assert set(np.unique(samples["a"]["semantic"])) <= set(range(144))
    assert set(build_samples(dataset, INVERTIBLE_GRAYSCALE, seed=0)["a"]) == {"color", "gray", "label"}
    other = Pictures("abc", extra={"semantic": marks, "label": 8})
    assert build_samples(other, COLORIZATION, seed=0).digests != build_samples(dataset, COLORIZATION, seed=0).digests


def test_a_secret_is_brought_to_its_hosts_size():
    sizes = {"a": (10, 31), "b": (40, 20), "c": (7, 5)}
    samples = build_samples(Pictures("abc", sizes=sizes), STEGANOGRAPHY, seed=0, secrets=2)
    for name, (height, width) in sizes.items():
        assert samples[name]["host"].shape == (height, width, 3)
        assert samples[name]["secret"].shape == (height, width, 6)
    sized = build_samples(Pictures("abc", sizes=sizes), STEGANOGRAPHY, seed=0, size=Size(8, 6))
    assert {sized[name]["secret"].shape for name in sizes} == {(6, 8, 3)}


def test_a_method_cannot_change_what_it_is_scored_against():
    samples = build_samples(Pictures("abc"), STEGANOGRAPHY, seed=0)
    for field in ("host", "secret"):
        with pytest.raises(ValueError, match="read-only"):
            samples["a"][field][0, 0, 0] = 1


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), None]
)
def test_a_data_set_that_returns_something_else_fails_by_name(wrong):
    class Wrong(Pictures):
        def load(self, image_id):
            return {"color": wrong} if image_id == "b" else super().load(image_id)

    samples = build_samples(Wrong("abc"), COLORIZATION, seed=0)
    assert samples.ids == ("a", "c")
    assert samples.failures["b"].startswith("b: ")


@pytest.mark.parametrize("task", [STEGANOGRAPHY, COLORIZATION])
def test_each_picture_is_decoded_once_even_with_little_memory(task):
    names = [f"picture-{index}" for index in range(8)]
    dataset = Pictures(names)
    build_samples(dataset, task, seed=0, cache_bytes=3 * picture("a").nbytes)
    # The pairing is a ring: only the one host where it began is needed again at its end.
    assert len(dataset.loads) <= len(names) + (task is STEGANOGRAPHY)


def test_the_cache_keeps_what_fits_and_reads_the_rest_again():
    dataset = Pictures("abcdef")
    roomy = build_samples(dataset, COLORIZATION, seed=0)
    for name in "abcdef":
        assert roomy[name].digest == roomy.digests[name]
    assert len(dataset.loads) == 6
    tight = build_samples(dataset, COLORIZATION, seed=0, cache_bytes=1)
    assert [tight[name].digest for name in "abc"] == [roomy.digests[name] for name in "abc"]
    assert len(dataset.loads) == 6 + 6 + 3


def test_a_set_travels_to_another_process_without_its_pictures():
    samples = build_samples(Pictures("abcdef", sizes={"a": (200, 200)}), STEGANOGRAPHY, seed=0)
    packed = pickle.dumps(samples)
    assert len(packed) < 20_000
    there = pickle.loads(packed)
    assert there.digest == samples.digest
    assert there["a"].digest == samples.digests["a"]


def test_threads_may_read_at_once():
    names = [f"picture-{index}" for index in range(12)]
    samples = build_samples(Pictures(names), STEGANOGRAPHY, seed=0, cache_bytes=1000)
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.extend(samples[name].digest == samples.digests[name] for name in names))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 48
    assert all(seen)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256", Size(256, 256)),
        ("320x240", Size(320, 240)),
        ("fit:256", Size(256, 256, True)),
        (" FIT:8X9 ", Size(8, 9, True)),
    ],
)
def test_sizes_are_read_and_written(text, size):
    assert Size.parse(text) == size
    assert Size.parse(str(size)) == size


@pytest.mark.parametrize(
    "text", ["", "abc", "256x", "x256", "-3", "2.5", "fit:", "256 x 256", "0", "0x4", "99999", "1e3"]
)
def test_bad_sizes_are_one_clear_line(text):
    with pytest.raises(RequestError, match=r"^--size: ") as caught:
        Size.parse(text)
    assert len(caught.value.problems) == 1
    assert "256" in caught.value.problems[0]


SIDES = st.integers(1, 40)


@given(SIDES, SIDES, SIDES, SIDES, st.booleans(), st.sampled_from([1, 3]), st.booleans())
def test_every_picture_gets_exactly_the_size(height, width, new_height, new_width, fit, channels, nearest):
    image = picture("x", height, width)[:, :, :channels]
    sized = Size(new_width, new_height, fit).apply(image, nearest=nearest)
    assert sized.shape == (new_height, new_width, channels)
    assert sized.dtype == np.uint8
    if not fit and new_height <= height and new_width <= width:
        top, left = (height - new_height) // 2, (width - new_width) // 2
        assert (sized == image[top : top + new_height, left : left + new_width]).all()
    if (new_height, new_width) == (height, width):
        assert (sized == image).all()


def test_fit_shows_the_whole_short_side():
    image = np.zeros((40, 80, 3), dtype=np.uint8)
    image[:, 20:60] = 255
    assert (Size.parse("fit:20").apply(image)[:, 1:-1] > 230).all()


def test_reading_samples_imports_nothing_heavy():
    heavy = ("torch", "pandas", "scipy", "skimage", "cv2")
    code = f"import sys, bench_core.samples; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
