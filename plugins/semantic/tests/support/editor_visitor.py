"""The editor's server as its tests ask it: without a browser, and without a socket."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from bench_semantic.editor.server import application
from bench_semantic.editor.workplace import Workplace

BASE = "http://127.0.0.1:8000"
TOKEN = "a-token"


def visitor(work: Workplace, **options: Any) -> TestClient:
    """Somebody who does not know the token yet."""
    return TestClient(application(work, 8000, TOKEN), base_url=BASE, headers={"Origin": BASE}, **options)


@contextmanager
def entered(work: Workplace, **options: Any) -> Iterator[TestClient]:
    """A browser that has opened the printed address."""
    with visitor(work, **options) as found:
        assert found.get("/", params={"token": TOKEN}).status_code == 200
        yield found


def picture(content: bytes) -> np.ndarray[Any, Any]:
    return np.array(Image.open(io.BytesIO(content)))


def png(array: np.ndarray[Any, Any], kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()
