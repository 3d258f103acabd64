"""The pixel law: rounding, luminance, and files to arrays and back."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from bench_core import images
from bench_core.errors import CellFailure, RequestError
from bench_core.images import clip_fraction, digest, luminance, read_gray, read_image, to_uint8, write_image

PICTURES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])).flatmap(
    lambda shape: hnp.arrays(np.uint8, shape)
)


def ramp(height=12, width=16):
    rows, columns = np.indices((height, width))
    return np.stack([rows * 255 // (height - 1), columns * 255 // (width - 1), (rows + columns) % 256], axis=2).astype(
        np.uint8
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_8_bit_level_survives_the_trip_through_floats(dtype):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert (to_uint8(levels.astype(dtype) / dtype(255)) == levels).all()


def test_rounding_is_to_the_nearest_and_half_to_even():
    assert to_uint8(np.array([[[0.5 / 255, 1.5 / 255, 2.5 / 255, 0.999 / 255]]])).ravel().tolist() == [0, 2, 2, 1]


def test_values_outside_are_clipped_and_counted():
    image = np.array([[[-0.1, 0.0, 1.0, 1.5]]], dtype=np.float32)
    assert to_uint8(image).ravel().tolist() == [0, 0, 255, 255]
    assert clip_fraction(image) == 0.5
    assert clip_fraction(to_uint8(image)) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_failures_not_pixels(bad):
    with pytest.raises(CellFailure, match="1 of 4 values are NaN or infinite") as caught:
        to_uint8(np.array([[[0.0, bad, 0.5, 1.0]]], dtype=np.float32))
    assert caught.value.status == "nan_output"


def test_whole_numbers_other_than_uint8_are_refused():
    with pytest.raises(ValueError, match="not int64"):
        to_uint8(np.zeros((2, 2, 1), dtype=np.int64))


@given(hnp.arrays(np.uint8, (5, 4, 3)))
def test_luminance_is_bt601_rounded_half_to_even(image):
    exact = image.astype(int) @ (299, 587, 114)
    expected = [round(value / 1000) for value in exact.ravel().tolist()]
    assert luminance(image).ravel().tolist() == expected
    assert luminance(image).shape == (5, 4, 1)


def test_the_luminance_of_gray_is_itself():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert (luminance(np.repeat(levels, 3, axis=2)) == levels).all()
    assert luminance(levels) is levels


def test_a_digest_tells_shape_dtype_and_content_apart():
    base = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    others = [base.reshape(2, 3, 2), base.astype(np.int8), base + np.uint8(1), base[::-1]]
    assert len({digest(array) for array in (base, *others)}) == 5
    assert digest(base.transpose(1, 0, 2)) == digest(np.ascontiguousarray(base.transpose(1, 0, 2)))
    assert len(digest(base)) == 32


@given(image=PICTURES, suffix=st.sampled_from(sorted(images._WRITERS)))
def test_what_is_written_is_read_back_exactly(tmp_path_factory, image, suffix):
    if suffix == ".pgm":
        image = luminance(image)
    path = tmp_path_factory.mktemp("pictures") / f"picture{suffix}"
    write_image(path, image)
    assert (read_image(path) == image).all()  # gray comes back as R = G = B
    if image.shape[2] == 1:
        assert (read_gray(path) == image).all()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_png_is_the_default_and_folders_are_made(tmp_path):
    write_image(tmp_path / "new" / "picture", ramp())
    assert (tmp_path / "new" / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_lossy_suffix_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"out\.jpg: pictures are written without loss.*e\.g\. out\.png"):
        write_image(tmp_path / "out.jpg", ramp())


def test_a_suffix_of_gray_pictures_is_refused_for_color(tmp_path):
    with pytest.raises(RequestError, match=r"out\.pgm: color pictures are written .*\.ppm, \.webp, e\.g\. out\.png"):
        write_image(tmp_path / "out.pgm", ramp())
    assert not list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot be written") as caught:
        write_image(tmp_path / "file" / "picture.png", ramp())
    assert len(caught.value.problems) == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    write_image(path, ramp())
    before = path.read_bytes()

    def half(self, file, **_):
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(RequestError, match="No space left on device"):
        write_image(path, ramp())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 4, 4)])
def test_only_pictures_are_written(tmp_path, shape):
    with pytest.raises(ValueError, match="H×W×1 or H×W×3"):
        write_image(tmp_path / "picture.png", np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = ramp()
    undo = {
        1: None,
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }[orientation]  # the Image.Transpose that makes the stored picture of the upright one
    stored = Image.fromarray(upright)
    if undo is not None:
        stored = stored.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert (read_image(tmp_path / "turned.png") == upright).all()


def test_16_bit_gray_is_scaled_and_rounded(tmp_path):
    wide = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert read_gray(tmp_path / "wide.png").ravel().tolist() == [0, 0, 1, 1, 128, 255]
    (tmp_path / "wide.pgm").write_bytes(b"P5 6 1 65535\n" + wide.astype(">u2").tobytes())
    assert read_gray(tmp_path / "wide.pgm").ravel().tolist() == [0, 0, 1, 1, 128, 255]


def test_16_bit_color_becomes_8_bit(tmp_path):
    colors = np.array([[[0, 32896, 65535]]], dtype=">u2")

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + colors.tobytes())) + chunk(b"IEND", b"")
    (tmp_path / "wide.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert read_image(tmp_path / "wide.png").ravel().tolist() == [0, 128, 255]


def test_32_bit_samples_are_refused_by_name(tmp_path):
    Image.fromarray(np.zeros((3, 3), dtype=np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(CellFailure, match=r"float\.tif: 32-bit samples .* no agreed white"):
        read_image(tmp_path / "float.tif")


def test_alpha_is_dropped_not_composited(tmp_path):
    color = ramp()
    alpha = np.zeros((*color.shape[:2], 1), dtype=np.uint8)
    Image.fromarray(np.concatenate([color, alpha], axis=2)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == color).all()
    gray = Image.merge("LA", [Image.fromarray(color[:, :, 0]), Image.fromarray(alpha[:, :, 0])])
    gray.save(tmp_path / "gray.png")
    assert (read_image(tmp_path / "gray.png") == color[:, :, :1]).all()


def test_a_palette_with_transparency_is_read_in_its_colors(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [2, 1]], dtype=np.uint8), "L").convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    picture.save(tmp_path / "palette.png", transparency=bytes([0, 128, 255]))
    assert read_image(tmp_path / "palette.png").tolist() == [[[255, 0, 0], [0, 255, 0]], [[10, 20, 30], [0, 255, 0]]]


def test_a_cmyk_jpeg_is_read_in_its_colors(tmp_path):
    Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "print.jpg").astype(int) - (200, 40, 90)).max() <= 4


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "moving.gif") == (255, 0, 0)).all()


def test_black_and_white_is_read(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "fax.png")
    assert read_gray(tmp_path / "fax.png").ravel().tolist() == [255, 0]


def truncated():
    file = io.BytesIO()
    Image.fromarray(ramp(64, 64)).save(file, "JPEG", quality=95)
    return file.getvalue()[: file.tell() // 2]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cut.jpg", truncated(), "truncated"),
        ("notes.png", b"this is text", "not a picture in a format that Pillow reads"),
        ("empty.png", b"", "not a picture in a format that Pillow reads"),
        ("gone.png", None, "no such file"),
    ],
)
def test_a_bad_file_is_reported_by_name(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CellFailure) as caught:
        read_image(tmp_path / name)
    assert caught.value.status == "decode_failed"
    assert caught.value.reason.startswith(f"{name}: ")
    assert reason in caught.value.reason
    assert "\n" not in caught.value.reason


def test_only_the_formats_that_are_asked_for_are_read(tmp_path):
    write_image(tmp_path / "some.png", ramp(4, 5))
    assert (read_image(tmp_path / "some.png", formats=("JPEG", "PNG")) == ramp(4, 5)).all()
    with pytest.raises(CellFailure, match="not a picture in a format"):
        read_image(tmp_path / "some.png", formats=("JPEG",))


def test_a_folder_is_not_a_picture(tmp_path):
    with pytest.raises(CellFailure, match="Is a directory"):
        read_image(tmp_path)


def test_a_place_without_a_name_is_named_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellFailure, match=r"^decode_failed: \.: Is a directory"):
        read_image(".")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    write_image(tmp_path / "large.png", ramp(40, 50))
    monkeypatch.setattr(images, "MAX_PIXELS", 1999)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(CellFailure, match=r"large\.png: 50×40 pixels are more than the 1999 that are read"):
        read_image(tmp_path / "large.png")


def test_a_picture_that_is_too_large_is_no_warning_of_pillows(tmp_path):
    write_image(tmp_path / "large.png", ramp(40, 50))
    script = (
        "import sys; from PIL import Image; from bench_core import images\n"
        "Image.MAX_IMAGE_PIXELS = images.MAX_PIXELS = 1999\n"
        "try: images.read_image(sys.argv[1])\n"
        "except images.CellFailure as failure: print(failure.reason)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "large.png"], capture_output=True, text=True, check=True
    )
    assert "more than the 1999 that are read" in done.stdout
    assert done.stderr == ""


def test_pillows_own_bomb_guard_is_a_failure_too(tmp_path, monkeypatch):
    write_image(tmp_path / "large.png", ramp(40, 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(CellFailure, match=r"large\.png: .*2000 pixels"):
        read_image(tmp_path / "large.png")
