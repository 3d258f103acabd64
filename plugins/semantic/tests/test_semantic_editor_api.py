"""The editor's server: what it answers, what it refuses, and that nobody else may talk to it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from editor_visitor import TOKEN, entered, picture, png, visitor
from starlette.testclient import TestClient

from bench_semantic.colorize import PAD, Colorizer
from bench_semantic.editor import pictures, server
from bench_semantic.editor.guard import HEADERS
from bench_semantic.editor.operations import Fill, Stroke
from bench_semantic.editor.workplace import Superseded, Workplace, find_photos
from bench_semantic.weights import SdcNetworks


@pytest.fixture
def client(work: Workplace) -> Iterator[TestClient]:
    with entered(work) as found:
        yield found


def shown_map(client: TestClient, number: int = 1) -> np.ndarray[Any, Any]:
    width, height = client.get(f"/api/photos/{number}").json()["view"]
    return np.frombuffer(client.get(f"/api/photos/{number}/map").content, np.uint8).reshape(height, width)


def test_a_photo_is_opened_painted_on_and_colored_anew(client: TestClient, work: Workplace) -> None:
    start = client.get("/api/start").json()
    assert [each["name"] for each in start["classes"]] == ["dark", "middling", "bright", "unknown"]
    assert start["classes"][3]["color"] == [1, 2, 3]
    assert start["saves"] is False
    assert [each["name"] for each in client.get("/api/photos").json()] == [f"{index}.png" for index in range(6)]
    state = client.get("/api/photos/1").json()
    assert (state["width"], state["height"], state["edited"], state["undo"]) == (40, 30, False, 0)
    assert state["brush_max"] == 100
    gray, colorizer = work.open(1)[1].gray, work.colorizer
    assert (picture(client.get("/api/photos/1/gray.png").content) == gray[..., 0]).all()
    predicted = shown_map(client)
    assert (predicted == colorizer.segment(gray)).all()
    automatic = picture(client.get("/api/photos/1/result.png", params={"revision": 0}).content)
    assert (automatic == colorizer.paint(gray, predicted)).all()

    stroke = {"kind": "stroke", "points": [[2, 3], [20, 3]], "side": 6, "label": 3}
    state = client.post("/api/photos/1/operations", json=stroke).json()
    assert (state["revision"], state["edited"], state["undo"], state["redo"]) == (1, True, 1, 0)
    expected = predicted.copy()
    expected[0:6, 0:23] = 3
    assert (shown_map(client) == expected).all()
    result = picture(client.get("/api/photos/1/result.png", params={"revision": 1}).content)
    assert (result == colorizer.paint(gray, expected)).all()
    changed = np.abs(result.astype(int) - automatic).mean(axis=2)
    assert changed[:6, :23].mean() > 2 * changed[20:].mean()
    assert (picture(client.get("/api/photos/1/automatic.png").content) == automatic).all()
    assert [each["edited"] for each in client.get("/api/photos").json()] == [True] + [False] * 5

    client.post("/api/photos/1/operations", json={"kind": "undo"})
    assert (shown_map(client) == predicted).all()
    client.post("/api/photos/1/operations", json={"kind": "redo"})
    assert (shown_map(client) == expected).all()
    x, y = 30, 20
    filled = client.post("/api/photos/1/operations", json={"kind": "fill", "x": x, "y": y, "label": 3})
    assert filled.json()["undo"] == 2
    assert (shown_map(client) == Fill(x, y, 3).applied(expected, predicted)).all()
    state = client.post("/api/photos/1/operations", json={"kind": "reset"}).json()
    assert (state["edited"], state["undo"]) == (False, 3)


def test_segmentation_runs_once_and_a_map_is_colored_once(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"segment": 0, "paint": 0}
    for name in counts:
        original = getattr(Colorizer, name)

        def counted(self: Colorizer, *given: Any, name: str = name, original: Any = original) -> Any:
            counts[name] += 1
            return original(self, *given)

        monkeypatch.setattr(Colorizer, name, counted)
    for x in range(3):
        work.apply(1, Stroke(((x, 0),), 1, 3))
        assert counts["paint"] == x  # painting alone colors nothing
        work.result(1)
        work.result(1)
    assert counts == {"segment": 1, "paint": 3}


def test_a_result_that_is_out_of_date_is_not_computed(client: TestClient, work: Workplace) -> None:
    client.post("/api/photos/1/operations", json={"kind": "fill", "x": 0, "y": 0, "label": 3})
    assert client.get("/api/photos/1/result.png", params={"revision": 0}).status_code == 409
    _, document = work.open(1)
    revision, classes = document.snapshot()
    document.apply(Stroke(((9, 9),), 3, 1))  # while the request waits for its turn
    with pytest.raises(Superseded):
        work._color(1, document, revision, classes, True)


@pytest.mark.parametrize("infer", ["resize", PAD])
def test_only_what_is_exported_is_colored_at_full_size(
    infer: str, work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "VIEW", 16)
    work.colorizer.infer = infer
    painted: list[tuple[int, ...]] = []
    original = Colorizer.paint

    def paint(self: Colorizer, gray: Any, classes: Any) -> Any:
        painted.append(gray.shape)
        return original(self, gray, classes)

    monkeypatch.setattr(Colorizer, "paint", paint)
    work.apply(1, Stroke(((20, 15),), 12, 3))
    shown = [work.view(1), work.view(1, 1), work.automatic(1)]
    assert [each.shape for each in shown] == [(12, 16, 3)] * 3
    # Networks that see the picture as it is would see another one.
    assert painted == [(30, 40, 1) if infer == PAD else (12, 16, 1)] * 2
    assert not np.array_equal(shown[0], shown[2])
    whole = work.result(1)
    assert (whole.shape, painted[2:]) == ((30, 40, 3), [(30, 40, 1)])
    small = pictures.view_of_picture(whole).astype(int)
    assert np.abs(shown[0] - small).mean() < np.abs(shown[2] - small).mean()


def test_exports_have_every_pixel(client: TestClient, work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "VIEW", 16)
    client.post("/api/photos/1/operations", json={"kind": "stroke", "points": [[5, 5]], "side": 8, "label": 2})
    state = client.get("/api/photos/1").json()
    assert (state["width"], state["height"], state["view"]) == (40, 30, [16, 12])
    _, document = work.open(1)
    assert shown_map(client).shape == (12, 16)
    assert set(np.unique(shown_map(client))) <= set(np.unique(document.classes))
    assert picture(client.get("/api/photos/1/result.png").content).shape == (12, 16, 3)
    assert picture(client.get("/api/photos/1/gray.png").content).shape == (12, 16)

    get = "/api/photos/1/download/"
    labels = client.get(get + "labels.png")
    assert labels.headers["content-disposition"] == "attachment; filename*=UTF-8''0-labels.png"
    assert (picture(labels.content) == work.labels.numbers(document.classes)).all()
    result = picture(client.get(get + "result.png").content)
    assert (result == work.colorizer.paint(document.gray, document.classes)).all()
    clear, full = (picture(client.get(f"{get}overlay.png?opacity={o}").content) for o in (0, 100))
    assert (clear == document.gray).all()
    assert (full == work.labels.palette[document.classes]).all()
    assert client.get(get + "overlay.png?opacity=101").json() == {
        "error": "opacity must be a whole number from 0 to 100"
    }


def test_labels_come_back_as_they_were_exported(client: TestClient) -> None:
    client.post("/api/photos/1/operations", json={"kind": "stroke", "points": [[5, 5]], "side": 8, "label": 3})
    before = shown_map(client)
    content = client.get("/api/photos/1/download/labels.png").content
    client.post("/api/photos/1/operations", json={"kind": "reset"})
    state = client.post("/api/photos/1/map?name=mine.png", content=content).json()
    assert (state["edited"], state["undo"]) == (True, 3)
    assert (shown_map(client) == before).all()
    client.post("/api/photos/1/operations", json={"kind": "undo"})
    assert not client.get("/api/photos/1").json()["edited"]


def test_a_map_that_does_not_fit_is_refused(client: TestClient) -> None:
    gray = np.full((30, 40), 10, np.uint8)
    for content, problem in (
        (b"nothing", "m.png: no PNG; a label map is a PNG"),
        (png(gray, "BMP"), "m.png: no PNG"),
        (png(gray[:9]), "m.png: the map has 40×9 pixels and the photo 40×30"),
        (png(np.repeat(gray[..., None], 3, axis=2)), "m.png: a label map has one channel"),
        (png(gray + 1), "m.png: 11 is the number of no class of light"),
        (png(gray)[:60], "m.png: "),
    ):
        answer = client.post("/api/photos/1/map?name=../../m.png", content=content)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(problem)
        assert "/tmp" not in answer.json()["error"]
    assert client.get("/api/photos/1").json()["revision"] == 0


def test_classes_do_not_drift(networks60: SdcNetworks) -> None:
    # The published tool decodes the network's codes by cutting off, and loses one in each of these at every pass.
    drifting = [1, 2, 7, 9, 14, 31]
    gray = np.random.default_rng(0).integers(0, 256, (16, 24, 1), dtype=np.uint8)
    work = Workplace(Colorizer(networks60))
    with entered(work) as client:
        client.post("/api/photos?name=noise.png", content=png(gray[..., 0]))
        for place, label in enumerate(drifting):
            stroke = {"kind": "stroke", "points": [[4 * place + 2, 0], [4 * place + 2, 7]], "side": 4, "label": label}
            client.post("/api/photos/1/operations", json=stroke)
        before = shown_map(client)[:8].copy()
        assert before[0, ::4].tolist() == drifting
        for step in range(20):
            client.post(
                "/api/photos/1/operations",
                json={"kind": "stroke", "points": [[step, 14]], "side": 3, "label": step},
            )
            assert client.get("/api/photos/1/result.png").status_code == 200
        assert (shown_map(client)[:8] == before).all()
        exported = picture(client.get("/api/photos/1/download/labels.png").content)
        assert (exported[:8] == before).all()
    work.close()


PATHS = [
    "/page/../guard.py",
    "/page/..%2fguard.py",
    "/page/%2e%2e%2fguard.py",
    "/page//etc/passwd",
    "/page/..\\guard.py",
    "/page/index.html%00.png",
    "/api/photos/../../etc/passwd",
    "/api/photos/1/download/..%2f..%2flabels.png",
    "/api/photos/1/download/labels.png/..",
    "/api/photos/-1",
    "/api/photos/1.5",
    "/api/photos/99999999999999999999",
    "/api/photos/1/secret.png",
    "/api/photos/1/download/secret.png",
    "/nothing",
]


def test_no_path_leads_out(client: TestClient) -> None:
    for path in PATHS:
        answer = client.get(path)
        assert (path, answer.status_code) == (path, 404)
        assert list(answer.json()) == ["error"]


def test_the_page_and_its_parts_are_served_with_strict_headers(client: TestClient) -> None:
    for path in ("/", *(f"/page/{name}" for name in server._PAGE)):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text
    folder = Path(server.__file__).parent / "page"
    assert {path.name for path in folder.iterdir()} == set(server._PAGE)


def test_an_answer_that_nobody_expected_has_the_strict_headers_too(
    work: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "save", lambda: 1 // 0)
    with entered(work, raise_server_exceptions=False) as client:
        answer = client.post("/api/save")
        assert (answer.status_code, list(answer.json())) == (500, ["error"])
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_without_the_token_nothing_is_answered(work: Workplace) -> None:
    with visitor(work) as stranger:
        for path in ("/", "/?token=", "/?token=another", "/page/main.js", "/api/photos", f"/api/photos?token={TOKEN}"):
            assert stranger.get(path).status_code == 403
        assert stranger.post("/api/photos", content=b"").status_code == 403
        stranger.cookies.set("bench-sdc-edit-8000", "another")
        assert stranger.get("/").status_code == 403
        stranger.cookies.clear()
        stranger.cookies.set("bench-sdc-edit-8001", TOKEN)
        assert stranger.get("/").status_code == 403
        stranger.cookies.clear()
        opened = stranger.get("/", params={"token": TOKEN})
        assert "HttpOnly; SameSite=Strict" in opened.headers["set-cookie"]
        assert stranger.get("/api/photos").status_code == 200


def test_another_host_is_refused_even_with_the_token(client: TestClient) -> None:
    names = ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "127.0.0.1:8000.evil.example", ""]
    for host in [*names, "[::1]:8000"]:
        assert client.get("/api/photos", headers={"Host": host}).status_code == 421
        assert client.get("/", params={"token": TOKEN}, headers={"Host": host}).status_code == 421


def test_changes_are_taken_from_the_own_page_only(client: TestClient) -> None:
    calls: list[tuple[str, str]] = [
        ("POST", "/api/photos"),
        ("POST", "/api/photos/1/operations"),
        ("POST", "/api/photos/1/map"),
        ("POST", "/api/save"),
        ("DELETE", "/api/photos/1"),
    ]
    for origin in ("http://evil.example", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000", ""):
        for method, path in calls:
            assert client.request(method, path, headers={"Origin": origin}).status_code == 403
    del client.headers["Origin"]
    assert client.post("/api/photos/1/operations", json={"kind": "reset"}).status_code == 403
    assert client.put("/api/photos/1").status_code == 403


def test_an_operation_must_be_small_json(client: TestClient) -> None:
    def post(content: str | bytes, kind: str = "application/json") -> Any:
        return client.post("/api/photos/1/operations", content=content, headers={"Content-Type": kind})

    assert post('{"kind": "reset"}', "text/plain").status_code == 415
    assert post('{"kind": "reset"}', "application/json; charset=utf-8").status_code == 200
    assert post(b"\xff").json() == {"error": "an operation must be JSON"}
    assert post("[" * 100_000).json() == {"error": "an operation must be JSON"}
    assert post(json.dumps({"kind": "stroke", "points": [[0, 0]], "side": 5, "label": 4})).status_code == 400
    assert post(" " * 400_000).status_code == 413
    assert client.post("/api/photos/77/operations", json={"kind": "reset"}).status_code == 404
    assert client.put("/api/photos/1").status_code == 405
    assert client.get("/api/photos/1").json()["revision"] == 0


def test_saving_needs_a_folder_and_an_export_something_to_export(client: TestClient) -> None:
    assert client.post("/api/save").json() == {"error": "there is no folder to save to; start again with --out edits"}
    assert client.get("/api/edits.zip").json() == {"error": "no photo is edited yet"}


def test_a_photo_that_cannot_be_read_is_one_line(networks: SdcNetworks, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    work = Workplace(Colorizer(networks), find_photos([tmp_path / "broken.png"]))
    with entered(work) as client:
        answer = client.get("/api/photos/1")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("broken.png: no photo that is read here")
    work.close()
