"""The HTTP side of the editor: a Starlette application over a `Workplace`.

What it answers is JSON, PNG or, for class maps, their bytes; a refusal is `{"error": line}` with a status of 4xx.

    GET    /                                the page; /page/NAME its parts
    GET    /api/start                       classes, limits, and whether there is a folder to save to
    GET    /api/photos                      all photos
    POST   /api/photos?name=NAME            take a photo (its bytes are the body)
    DELETE /api/photos/ID                   let go of an uploaded one
    GET    /api/photos/ID                   open: its size, largest brush, revision, undo and redo
    POST   /api/photos/ID/operations        change its map (`operations`)
    POST   /api/photos/ID/map?name=NAME     take a label PNG as its map
    GET    /api/photos/ID/{gray,result,automatic}.png   as the page shows them; result?revision=N, 409 if superseded
    GET    /api/photos/ID/map               its class indices, a byte each, as the page shows them
    GET    /api/photos/ID/download/{labels,result,overlay}.png      with every pixel
    GET    /api/photos/ID/download/edits.zip, /api/edits.zip        to be replayed: this photo, or all that were edited
    POST   /api/save                        write all edits to the folder
"""

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench_core.errors import BenchError, RequestError, one_line
from bench_semantic.editor.document import Document
from bench_semantic.editor.export import zipped
from bench_semantic.editor.guard import Guard
from bench_semantic.editor.operations import MOST_POINTS, MOST_SIDE, brush_max, parse_operation
from bench_semantic.editor.pictures import MOST_PIXELS, overlay, png, view_of_map, view_of_picture, view_shape
from bench_semantic.editor.workplace import Photo, Superseded, Unknown, Workplace
from bench_semantic.map_files import write_numbers

MOST_BYTES = 20_000_000
"""The largest file that is taken."""

MOST_OPERATION_BYTES = 32 * MOST_POINTS
"""The largest operation that is taken."""

_PAGE = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    **dict.fromkeys(
        ("main.js", "api.js", "classes.js", "keys.js", "picture.js", "session.js"), "text/javascript; charset=utf-8"
    ),
    "icon.svg": "image/svg+xml",
}
Answer = TypeVar("Answer")


class TooLarge(Exception):
    """A body is larger than what is taken."""


class Editor:
    """The endpoints."""

    def __init__(self, workplace: Workplace) -> None:
        self.workplace = workplace
        page = files("bench_semantic.editor") / "page"
        # Read once: no part of a request is ever part of a path.
        self.parts = {name: (page / name).read_bytes() for name in _PAGE}

    def routes(self) -> list[Route]:
        """Every address; the module says what each is for."""
        photo = "/api/photos/{photo:int}"
        return [
            Route("/", self.page),
            Route("/page/{name}", self.page),
            Route("/api/start", self.start),
            Route("/api/photos", self.photos),
            Route("/api/photos", self.upload, methods=["POST"]),
            Route(photo, self.open),
            Route(photo, self.remove, methods=["DELETE"]),
            Route(photo + "/operations", self.operate, methods=["POST"]),
            Route(photo + "/map", self.map),
            Route(photo + "/map", self.load_map, methods=["POST"]),
            Route(photo + "/{kind}.png", self.view),
            Route(photo + "/download/{name}", self.download),
            Route("/api/edits.zip", self.all_edits),
            Route("/api/save", self.save, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The page, or a part of it."""
        name = request.path_params.get("name", "index.html")
        if name not in self.parts:
            raise HTTPException(404)
        return Response(self.parts[name], headers={"Content-Type": _PAGE[name]})

    async def start(self, request: Request) -> Response:
        """What holds for the whole session."""
        labels = self.workplace.labels
        return JSONResponse(
            {
                "labels": labels.content.get("title", labels.name),
                "classes": [{"name": each.name, "color": list(each.color)} for each in labels.classes],
                "predicts": self.workplace.colorizer.segments,
                "saves": self.workplace.out is not None,
                "limits": {
                    "side": MOST_SIDE,
                    "points": MOST_POINTS,
                    "bytes": MOST_BYTES,
                    "megapixels": MOST_PIXELS // 1_000_000,
                },
            }
        )

    async def photos(self, request: Request) -> Response:
        """All photos, open or not."""
        unsaved = {photo.number for photo in self.workplace.unsaved}
        return JSONResponse(
            [
                {
                    "id": photo.number,
                    "name": photo.name,
                    "edited": photo.edited,
                    "unsaved": photo.number in unsaved,
                    "uploaded": photo.path is None,
                }
                for photo in self.workplace.photos
            ]
        )

    async def upload(self, request: Request) -> Response:
        """Take a photo."""
        name = request.query_params.get("name", "")
        with tempfile.TemporaryDirectory(prefix="bench-sdc-") as folder:
            path = Path(folder) / "upload"
            await _receive(request, path)
            photo = await run_in_threadpool(self.workplace.upload, path, name)
        return JSONResponse({"id": photo.number}, 201)

    async def remove(self, request: Request) -> Response:
        """Let go of an uploaded photo."""
        self.workplace.remove(_number(request))
        return Response(status_code=204)

    async def open(self, request: Request) -> Response:
        """Read a photo, where that has not been done, and say how it stands."""
        return _state(*await run_in_threadpool(self.workplace.open, _number(request)))

    async def operate(self, request: Request) -> Response:
        """Change a map."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise HTTPException(415, "an operation is application/json")
        body = await _body(request, MOST_OPERATION_BYTES)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise RequestError("an operation must be JSON") from None
        number = _number(request)
        _, document = await run_in_threadpool(self.workplace.open, number)
        operation = parse_operation(content, document.shape, len(self.workplace.labels))
        return _state(*await run_in_threadpool(self.workplace.apply, number, operation))

    async def load_map(self, request: Request) -> Response:
        """Take a label PNG as a map."""
        name = request.query_params.get("name", "")
        with tempfile.TemporaryDirectory(prefix="bench-sdc-") as folder:
            path = Path(folder) / "map"
            await _receive(request, path)
            found = await run_in_threadpool(self.workplace.load_map, _number(request), path, name)
        return _state(*found)

    async def map(self, request: Request) -> Response:
        """The class indices, as large as the page shows them."""

        def seen(document: Document) -> bytes:
            return view_of_map(document.snapshot()[1]).tobytes()

        content = await self._of_document(request, seen)
        return Response(content, media_type="application/octet-stream")

    async def view(self, request: Request) -> Response:
        """The gray picture or a result, as large as the page shows it."""
        kind, number = request.path_params["kind"], _number(request)
        work = self.workplace
        if kind == "result":
            revision = _whole(request, "revision", 0, 2**53)
            picture = await run_in_threadpool(lambda: png(work.view(number, revision)))
        elif kind == "automatic":
            picture = await run_in_threadpool(lambda: png(work.automatic(number)))
        elif kind == "gray":
            picture = await self._of_document(request, lambda document: png(view_of_picture(document.gray)))
        else:
            raise HTTPException(404)
        return _png(picture)

    async def download(self, request: Request) -> Response:
        """An export of one photo."""
        name, number = request.path_params["name"], _number(request)
        work, labels = self.workplace, self.workplace.labels
        opacity = (_whole(request, "opacity", 0, 100) or 0) / 100
        makers: dict[str, Callable[[Document], bytes]] = {
            "labels.png": lambda document: _labels_png(document, work),
            "result.png": lambda document: png(work.result(number)),
            "overlay.png": lambda document: png(overlay(document.gray, document.snapshot()[1], labels, opacity)),
            "edits.zip": lambda document: zipped(labels, work.edits([number])),
        }
        if name not in makers:
            raise HTTPException(404)
        stem = Path(work.find(number).name).stem or "photo"
        return _file(await self._of_document(request, makers[name]), f"{stem}-{name}")

    async def all_edits(self, request: Request) -> Response:
        """Every edit, in one ZIP."""
        edits = self.workplace.edits()
        if not edits:
            raise RequestError("no photo is edited yet")
        return _file(await run_in_threadpool(zipped, self.workplace.labels, edits), "edits.zip")

    async def save(self, request: Request) -> Response:
        """Write every edit to the folder."""
        return JSONResponse({"saved": await run_in_threadpool(self.workplace.save)})

    async def _of_document(self, request: Request, make: Callable[[Document], Answer]) -> Answer:
        number = _number(request)
        return await run_in_threadpool(lambda: make(self.workplace.open(number)[1]))


def application(workplace: Workplace, port: int, token: str) -> Guard:
    """The application, for a server at 127.0.0.1:`port` whose visitors must know the token."""
    inside = Starlette(
        routes=Editor(workplace).routes(),
        exception_handlers={
            BenchError: _refused,
            Superseded: _refused,
            Unknown: _refused,
            TooLarge: _refused,
            ClientDisconnect: _refused,
            HTTPException: _refused,
            Exception: _broken,
        },
    )
    # Not as its middleware: Starlette answers what nobody expected outside of those.
    return Guard(inside, port, token)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        detail = "there is no such page" if error.status_code == 404 else error.detail
        return JSONResponse({"error": detail}, error.status_code, error.headers)
    if isinstance(error, Superseded):
        return JSONResponse({"error": "superseded"}, 409)
    if isinstance(error, Unknown):
        return JSONResponse({"error": "there is no such photo any more"}, 404)
    if isinstance(error, TooLarge):
        return JSONResponse({"error": str(error)}, 413, {"Connection": "close"})
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    return JSONResponse({"error": str(error).splitlines()[0]}, 400)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the editor failed: {one_line(error)}"}, 500)


def _state(photo: Photo, document: Document) -> Response:
    """What the page knows of an open photo."""
    height, width = document.shape
    view_height, view_width = view_shape(document.shape)
    now = document.state()
    return JSONResponse(
        {
            "id": photo.number,
            "width": width,
            "height": height,
            "view": [view_width, view_height],
            "brush_max": brush_max(document.shape),
            "unsaved": now["revision"] != document.saved,
            **now,
        }
    )


def _labels_png(document: Document, workplace: Workplace) -> bytes:
    with tempfile.TemporaryDirectory(prefix="bench-sdc-") as folder:
        path = Path(folder) / "labels.png"
        write_numbers(path, document.snapshot()[1], workplace.labels)
        return path.read_bytes()


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")


def _file(content: bytes, name: str) -> Response:
    """A download; the name is percent-encoded, so that no name can add a header of its own."""
    kind = "application/zip" if name.endswith(".zip") else "image/png"
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=kind, headers={"Content-Disposition": disposition})


def _number(request: Request) -> int:
    return int(request.path_params["photo"])


def _whole(request: Request, key: str, least: int, most: int) -> int | None:
    """A whole number of the query, or None where it is not there."""
    text = request.query_params.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= most):
        raise RequestError(f"{key} must be a whole number from {least} to {most}")
    return int(text)


async def _receive(request: Request, path: Path) -> None:
    """Write a body to a file, and stop as soon as it is too large, whatever length it announced."""
    with path.open("wb") as file:
        async for chunk in _chunks(request, MOST_BYTES):
            file.write(chunk)


async def _body(request: Request, most: int) -> bytes:
    return b"".join([chunk async for chunk in _chunks(request, most)])


async def _chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    limit = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most // 1000} kB"
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > most:
        raise TooLarge(f"more than {limit} are not taken")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge(f"more than {limit} are not taken")
        yield chunk
