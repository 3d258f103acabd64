"""Reading photos: files of any make, from anywhere."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from bench_capture.photos import PhotoError, find_photos, read_photo
from bench_core.errors import RequestError


@settings(max_examples=40)
@given(st.data())
def test_damaged_bytes_never_raise_anything_else(data):
    file = io.BytesIO()
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]))
    Image.fromarray(np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)).save(file, kind)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about damaged metadata
        with pytest.raises(PhotoError):  # too small, if nothing else
            read_photo("x", bytes(content))


def swapped_profile():
    """sRGB's profile with the primaries of red and blue exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def test_color_profiles_are_applied():
    picture = np.zeros((1000, 1000, 3), np.uint8)
    picture[:, :, 0] = 200
    plain = read_photo("a", encoded(picture)).pixels[5, 5]
    swapped = read_photo("a", encoded(picture, icc_profile=swapped_profile())).pixels[5, 5]
    assert list(plain) == [200, 0, 0]
    assert np.abs(swapped.astype(int) - [0, 0, 200]).max() <= 3


def test_a_broken_color_profile_is_a_warning():
    picture = np.full((1000, 1000, 3), 77, np.uint8)
    photo = read_photo("a", encoded(picture, icc_profile=b"no profile"))
    assert (photo.pixels == 77).all()
    assert len(photo.warnings) == 1
    assert "profile" in photo.warnings[0]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16"])
def test_photos_of_any_mode_are_read_as_rgb(mode):
    picture = np.full((1000, 1000), 255, np.uint8)
    image = Image.fromarray(np.full((1000, 1000), 65535, np.uint16)) if mode == "I;16" else Image.fromarray(picture)
    file = io.BytesIO()
    (image if mode == "I;16" else image.convert("RGB" if mode == "CMYK" else mode).convert(mode)).save(file, "TIFF")
    photo = read_photo("a", file.getvalue())
    assert photo.pixels.shape == (1000, 1000, 3)
    assert photo.pixels.min() >= 254


def test_the_camera_and_its_focal_length_are_read_from_exif():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Phone 8\x00"
    exif.get_ifd(0x8769)[0xA405] = 26
    photo = read_photo("a", encoded(np.zeros((900, 1200, 3), np.uint8), "JPEG", exif=exif))
    assert photo.camera == "Maker Phone 8"
    assert photo.focal == pytest.approx(26 / 43.27 * 1500)
    assert read_photo("a", encoded(np.zeros((900, 1200, 3), np.uint8), "JPEG")).camera == ""


def test_a_strip_longer_than_pictures_can_be_sampled_is_refused():
    file = io.BytesIO()
    Image.new("L", (40_000, 30)).save(file, "PNG")
    with pytest.raises(PhotoError, match="has 40000x30 pixels; a side has at most 32000"):
        read_photo("a.png", file.getvalue())


def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(RequestError, match="cannot be read: Permission denied"):
        find_photos((str(tmp_path),))


def test_photos_are_found_in_folders_and_what_is_missing_is_named(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    found = find_photos((str(tmp_path), str(tmp_path / "notes.txt"), str(tmp_path / "a.png")))
    assert [path.name for path in found] == ["a.png", "b.JPG", "notes.txt"]
    with pytest.raises(RequestError) as error:
        find_photos((str(tmp_path / "nowhere"), str(tmp_path / "empty")))
    assert ["no such file or folder" in error.value.problems[0], "no pictures" in error.value.problems[1]] == [True] * 2
