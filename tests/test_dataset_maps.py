"""`folder:PATH,saliency=DIR,semantic=DIR`: photos with maps."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bench_core.errors import CellFailure, RequestError
from bench_core.images import write_image
from bench_core.plugins import registry
from bench_core.samples import build_samples
from bench_core.sizes import Size
from bench_core.task import COLORIZATION
from bench_datasets.folder import Folder
from bench_datasets.maps import read_map

HEIGHT, WIDTH = 20, 24
LABELS = (np.arange(HEIGHT * WIDTH) % 7).astype(np.uint8).reshape(HEIGHT, WIDTH)
RAMP = (np.arange(HEIGHT * WIDTH) % 256).astype(np.uint8).reshape(HEIGHT, WIDTH)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Three photos in `photos`, a map of two of them in `labels` and of one in `masks`."""
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("a.jpg", "deep/b.v2.png", "c.webp")):
        picture = Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * index, np.uint8))
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "photos" / name)
    write_image(tmp_path / "labels" / "a.png", LABELS[:, :, None])
    write_image(tmp_path / "labels" / "deep" / "b.v2.bmp", 2 * LABELS[:, :, None])
    write_image(tmp_path / "labels" / "other.png", LABELS[:, :, None])
    (tmp_path / "masks").mkdir()
    Image.fromarray(RAMP > 99).save(tmp_path / "masks" / "a.png")
    return tmp_path


def test_maps_are_found_by_their_photos_name(photos):
    spec = "folder:photos,saliency=masks,semantic=labels"
    dataset = registry().datasets.create(spec)
    assert dataset.spec == spec
    assert dataset.ids() == ["a.jpg", "c.webp", "deep/b.v2.png"]
    first = dataset.load("a.jpg")
    assert np.array_equal(first["semantic"], LABELS[:, :, None])
    assert np.array_equal(first["saliency"], np.where(RAMP > 99, 255, 0)[:, :, None])
    assert first["semantic"].dtype == first["saliency"].dtype == np.uint8
    assert np.array_equal(dataset.load("deep/b.v2.png")["semantic"], 2 * LABELS[:, :, None])
    assert set(dataset.load("deep/b.v2.png")) == {"color", "semantic"}
    assert set(dataset.load("c.webp")) == {"color"}


def test_either_map_may_come_alone_and_in_any_order(photos):
    assert set(Folder("photos,semantic=labels").load("a.jpg")) == {"color", "semantic"}
    assert set(Folder("photos,saliency=masks").load("a.jpg")) == {"color", "saliency"}
    assert set(Folder("photos,semantic=labels,saliency=masks").load("a.jpg")) == {"color", "semantic", "saliency"}


def test_another_number_may_mean_void(photos):
    with_void = Folder("photos,semantic=labels,void=3").load("a.jpg")["semantic"]
    assert np.array_equal(with_void[:, :, 0], np.where(LABELS == 3, 255, LABELS))
    assert with_void.dtype == np.uint8
    unchanged = Folder("photos,void=255,semantic=labels").load("a.jpg")["semantic"]
    assert np.array_equal(unchanged[:, :, 0], LABELS)


def test_void_of_semantic_maps_is_no_matter_of_saliency(photos):
    both = Folder("photos,saliency=masks,semantic=labels,void=0").load("a.jpg")
    assert both["saliency"].min() == 0
    assert both["semantic"].min() == 1


def test_a_folder_whose_name_looks_like_keys_is_still_found(photos):
    (photos / "photos").rename(photos / "a,semantic=b")
    (photos / "labels").rename(photos / "l,1")
    assert "semantic" not in Folder("a,semantic=b").load("a.jpg")
    dataset = Folder("a,semantic=b,semantic=l,1")
    assert np.array_equal(dataset.load("a.jpg")["semantic"], LABELS[:, :, None])
    assert dataset.spec == "folder:a,semantic=b,semantic=l,1"


def test_maps_that_lie_among_the_photos_are_no_photos(photos):
    (photos / "labels").rename(photos / "photos" / "labels")
    dataset = Folder("photos,semantic=photos/labels")
    assert dataset.ids() == ["a.jpg", "c.webp", "deep/b.v2.png"]
    assert "semantic" in dataset.load("a.jpg")


def test_maps_are_part_of_a_sample_and_its_digest(photos):
    plain = build_samples(Folder("photos"), COLORIZATION, seed=0)
    mapped = build_samples(Folder("photos,semantic=labels"), COLORIZATION, seed=0)
    assert plain.digests["a.jpg"] != mapped.digests["a.jpg"]
    assert plain.digests["c.webp"] == mapped.digests["c.webp"]
    larger = build_samples(Folder("photos,semantic=labels"), COLORIZATION, seed=0, size=Size.parse("fit:60"))
    assert set(np.unique(larger["a.jpg"]["semantic"])) <= set(np.unique(LABELS))


def test_a_map_of_another_size_fails_its_photo_alone(photos):
    write_image(photos / "labels" / "a.png", LABELS[:-1, :, None])
    samples = build_samples(Folder("photos,semantic=labels"), COLORIZATION, seed=0)
    assert samples.ids == ("c.webp", "deep/b.v2.png")
    assert samples.failures["a.jpg"] == (
        "semantic map a.png: 24×19 pixels, but its photo has 24×20; they must be of one size"
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("photos,saliency=missing", "folder:photos,saliency=missing: saliency=missing: there is no such folder; e.g."),
        ("photos,saliency=notes.txt", "saliency=notes.txt: is a file, not a folder"),
        ("photos,saliency=", "saliency names no folder; e.g. folder:photos,saliency=maps"),
        ("photos,saliency=masks,saliency=labels", "given twice"),
        ("photos,semantic=labels,void=11,void=12", "given twice"),
        ("photos,semantic=labels,void=256", "void is the class number, 0 to 255"),
        ("photos,semantic=labels,void=sky", "e.g. folder:photos,semantic=maps,void=11"),
        ("photos,saliency=masks,void=0", "void is the class number, 0 to 255"),
        (
            "photos,depth=masks",
            "there is no such folder (after a comma: saliency=DIR, semantic=DIR, void=N)",
        ),
        ("missing,saliency=masks", "there is no such folder"),
        ("photos,saliency=far", "none of the photos has a map there"),
        ("photos,semantic=twice", "a.bmp and a.png are both named as the map of a; keep one"),
    ],
)
def test_a_wrong_request_is_one_clear_line(photos, spec, problem):
    (photos / "notes.txt").write_text("")
    write_image(photos / "far" / "photos" / "a.png", LABELS[:, :, None])
    write_image(photos / "twice" / "a.png", LABELS[:, :, None])
    write_image(photos / "twice" / "a.bmp", LABELS[:, :, None])
    with pytest.raises(RequestError) as caught:
        Folder(spec)
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]


def test_two_maps_of_no_photo_do_not_matter(photos):
    write_image(photos / "labels" / "other.bmp", LABELS[:, :, None])
    assert "semantic" in Folder("photos,semantic=labels").load("a.jpg")


def test_a_palette_gives_its_numbers_as_classes_and_its_grays_as_saliency(tmp_path):
    colored = Image.fromarray(LABELS, "P")
    colored.putpalette([value for index in range(7) for value in (index * 30, 255 - index, 7)])
    colored.save(tmp_path / "colored.png")
    assert np.array_equal(read_map(tmp_path / "colored.png", "semantic")[:, :, 0], LABELS)
    with pytest.raises(CellFailure, match=r"colored.png: .*a saliency map is gray, and this one has colors"):
        read_map(tmp_path / "colored.png", "saliency")
    gray = Image.fromarray(LABELS, "P")
    gray.putpalette([value for index in range(7) for value in (index * 30,) * 3])
    gray.save(tmp_path / "gray.png")
    assert np.array_equal(read_map(tmp_path / "gray.png", "saliency")[:, :, 0], 30 * LABELS)


def test_one_bit_is_a_full_mask_or_class_1(tmp_path):
    Image.fromarray(LABELS > 3).save(tmp_path / "mask.png")
    assert np.array_equal(read_map(tmp_path / "mask.png", "saliency")[:, :, 0], np.where(LABELS > 3, 255, 0))
    assert np.array_equal(read_map(tmp_path / "mask.png", "semantic")[:, :, 0], (LABELS > 3).astype(np.uint8))


@pytest.mark.parametrize("bits", [2, 4])
def test_class_numbers_of_a_few_bits_are_not_stretched(tmp_path, bits):
    """Pillow writes no such PNG from gray values, other programs do."""
    numbers = np.arange(16).reshape(2, 8) % 2**bits
    each = 8 // bits
    rows = [
        bytes(sum(int(row[i + j]) << (8 - bits * (j + 1)) for j in range(each)) for i in range(0, 8, each))
        for row in numbers
    ]
    path = tmp_path / "few.png"
    header = struct.pack(">IIBBBBB", 8, 2, bits, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + _chunk(b"IEND", b"")
    )
    assert np.array_equal(read_map(path, "semantic")[:, :, 0], numbers)
    assert read_map(path, "saliency").max() == 255


def _chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_gray_jpeg_is_a_saliency_map_and_no_label_map(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "map.jpg", quality=95)
    assert np.abs(read_map(tmp_path / "map.jpg", "saliency")[:, :, 0].astype(int) - RAMP).mean() < 10
    with pytest.raises(CellFailure, match="JPEG does not keep class numbers; save it as PNG"):
        read_map(tmp_path / "map.jpg", "semantic")


@pytest.mark.parametrize("mode", ["RGB", "LA", "RGBA", "I;16"])
def test_other_kinds_of_pictures_are_no_label_maps(tmp_path, mode):
    Image.new(mode, (8, 8)).save(tmp_path / "map.png")
    with pytest.raises(CellFailure, match="class numbers need one channel of 8 bits") as caught:
        read_map(tmp_path / "map.png", "semantic", "semantic map map.png")
    assert caught.value.reason.startswith("semantic map map.png: ")


def test_a_color_file_with_equal_channels_is_a_saliency_map(tmp_path):
    Image.fromarray(np.repeat(RAMP[:, :, None], 3, axis=2)).save(tmp_path / "map.png")
    assert np.array_equal(read_map(tmp_path / "map.png", "saliency")[:, :, 0], RAMP)
    Image.new("I;16", (8, 8)).save(tmp_path / "deep.png")
    with pytest.raises(CellFailure, match="one channel of 8 bits, not I;16"):
        read_map(tmp_path / "deep.png", "saliency")


def test_a_damaged_map_fails_by_name(photos):
    (photos / "labels" / "a.png").write_text("this is text")
    with pytest.raises(CellFailure, match=r"semantic map a.png: not a picture in a format that Pillow reads"):
        Folder("photos,semantic=labels").load("a.jpg")
