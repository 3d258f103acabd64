"""What strangers send the editor: counted while it comes, checked before it is decoded, its name only shown."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from editor_visitor import entered, picture, png
from PIL import Image
from starlette.testclient import TestClient

from bench_core.images import luminance, read_image
from bench_semantic.editor import pictures, server, workplace
from bench_semantic.editor.workplace import Workplace, shown_name


@pytest.fixture
def client(work: Workplace) -> Iterator[TestClient]:
    with entered(work) as found:
        yield found


def test_an_uploaded_photo_is_a_photo_like_any_other(client: TestClient, photos: Path) -> None:
    content = (photos / "images" / "3.png").read_bytes()
    number = client.post("/api/photos?name=Café <b>.png", content=content).json()["id"]
    shown = client.get("/api/photos").json()[-1]
    assert shown == {"id": number, "name": "Café <b>.png", "edited": False, "unsaved": False, "uploaded": True}
    gray = luminance(read_image(photos / "images" / "3.png"))
    assert (picture(client.get(f"/api/photos/{number}/gray.png").content) == gray[..., 0]).all()
    header = client.get(f"/api/photos/{number}/download/labels.png").headers["content-disposition"]
    assert header == "attachment; filename*=UTF-8''Caf%C3%A9%20%3Cb%3E-labels.png"
    assert client.delete(f"/api/photos/{number}").status_code == 204
    assert client.get(f"/api/photos/{number}").status_code == 404
    refused = client.delete("/api/photos/1")
    assert (refused.status_code, "only uploaded photos" in refused.json()["error"]) == (400, True)


def test_too_large_an_upload_is_stopped_while_it_comes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_BYTES", 1_000_000)

    def long() -> Iterator[bytes]:  # without a length
        for _ in range(11):
            yield b"x" * 100_000

    answer = client.post("/api/photos?name=a.png", content=long())
    assert (answer.status_code, answer.json()) == (413, {"error": "more than 1 MB are not taken"})
    # A length that is announced is not even waited for, and one that is no number is none.
    for length in ("1000001", "-1", "x"):
        assert client.post("/api/photos", content=b"x", headers={"Content-Length": length}).status_code == 413
    assert client.post("/api/photos/1/map", content=b"x" * 1_000_001).status_code == 413
    assert len(client.get("/api/photos").json()) == 6


def test_the_body_is_counted_and_not_believed(tmp_path: Path) -> None:
    import asyncio

    from starlette.requests import Request

    chunks = iter([b"1234"] * 1000)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(chunks), "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": [(b"content-length", b"4")]}, receive)
    with pytest.raises(server.TooLarge):
        asyncio.run(server._body(request, 10))
    assert len(list(chunks)) == 997


def test_uploads_are_checked_before_they_are_decoded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(content: bytes, name: str = "a.png") -> str:
        answer = client.post("/api/photos", params={"name": name}, content=content)
        assert answer.status_code == 400
        line: str = answer.json()["error"]
        assert "\n" not in line
        return line

    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert error(b"").startswith("a.png: no photo that is read here; those are PNG, JPEG")
    assert error(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n").startswith("a.png: no photo that is read")
    assert error(png(photo, "PCX")).startswith("a.png: no photo that is read")
    assert error(png(photo)[:300]).startswith("a.png: ")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 599)
    monkeypatch.setattr(pictures, "read_image", lambda *_: pytest.fail("decoded all the same"))
    assert error(png(photo)).startswith("a.png: 30×20 pixels are more than")
    # Larger yet, and Pillow itself takes it for a bomb.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "megapixels that are edited; make it smaller" in error(png(photo))
    assert len(client.get("/api/photos").json()) == 6


def two_formats_in_one() -> bytes:
    """A file that is a TIFF of 8×8 pixels, and an FLI of 300×200 to whoever reads that as well."""
    offset = 0x0001AF11  # of the TIFF's directory, and the FLI's magic number
    head = b"II*\0" + struct.pack("<IHHHH", offset, 300, 200, 8, 0)
    frame = struct.pack("<IHHII", 80, 0xF1FA, 1, 0, 0) + struct.pack("<IH", 64, 13)
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: offset + 200, 277: 1, 278: 8, 279: 64}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    body = (head.ljust(128, b"\0") + frame).ljust(offset, b"\0")
    return body + struct.pack("<H", len(tags)) + entries + bytes(300)


def test_what_was_checked_is_what_is_decoded(client: TestClient, work: Workplace, tmp_path: Path) -> None:
    (tmp_path / "both").write_bytes(two_formats_in_one())
    with Image.open(tmp_path / "both", formats=("FLI",)) as other:
        assert other.size == (300, 200)
    number = client.post("/api/photos?name=a.tif", content=two_formats_in_one()).json()["id"]
    assert work.open(number)[1].shape == (8, 8)


def test_only_so_many_uploads_are_kept(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    content = png(np.zeros((10, 10), np.uint8))
    monkeypatch.setattr(workplace, "MOST_UPLOADS", 2)
    numbers = [client.post("/api/photos", content=content).json()["id"] for _ in range(2)]
    refused = client.post("/api/photos", content=content)
    assert (refused.status_code, "remove one first" in refused.json()["error"]) == (400, True)
    client.delete(f"/api/photos/{numbers[0]}")
    assert client.post("/api/photos", content=content).status_code == 201
    monkeypatch.setattr(workplace, "MOST_UPLOADS", 9)
    monkeypatch.setattr(workplace, "MOST_UPLOADED_PIXELS", 299)
    assert client.post("/api/photos", content=content).status_code == 400


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.png", "a.png"),
        ("a\r\nSet-Cookie: x\u202egnp.png", "aSet-Cookie: xgnp.png"),
        ("", "photo"),
        ("/", "photo"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_name_is_only_shown(given: str, shown: str) -> None:
    assert shown_name(given) == shown
