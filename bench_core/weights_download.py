"""Getting one file over HTTP, going on where an earlier try was cut."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import requests

from bench_core.errors import BenchError

Report = Callable[[int, int | None], None]
"""Told how many bytes are there, and how many there will be where the server says so."""

_TIMEOUT_S = (10, 60)
_CHUNK = 2**16
_CUT = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)


def download(url: str, sha256: str, target: Path, report: Report = lambda done, total: None) -> None:
    """Fetch `url` into `target`, which appears whole and checked, or not at all.

    What came of a download that was cut stays beside it as `.part`, and the next one goes on from there if the server
    can; a file that turns out to be another is thrown away.

    Raises:
        BenchError: one line that says why there is no file.
    """
    pooch.get_logger().setLevel(logging.ERROR)
    host = url.split("://")[-1].split("/")[0]
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=_Resuming(target.with_name(f"{target.name}.part"), report),
        )
    except requests.exceptions.HTTPError as error:
        answer = f"{error.response.status_code} {error.response.reason}" if error.response is not None else str(error)
        raise BenchError(f"{host} answers {answer}") from error
    except requests.exceptions.Timeout as error:
        raise BenchError(f"{host} does not answer") from error
    except _CUT as error:
        cut = isinstance(error, requests.exceptions.ChunkedEncodingError)
        raise BenchError(f"{host} {'broke off; try again to go on' if cut else 'cannot be reached'}") from error
    except requests.exceptions.RequestException as error:
        raise BenchError(f"{url} cannot be fetched: {error}") from error
    except ValueError as error:  # pooch's word for another hash
        raise BenchError(f"what {host} sent is not the file that was published (another SHA-256)") from error


class _Resuming:
    """A downloader for pooch that keeps what it got in `partial`."""

    def __init__(self, partial: Path, report: Report) -> None:
        self._partial = partial
        self._report = report

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        while True:
            before = self._have()
            try:
                self._go_on(url)
                break
            except _CUT:
                if self._have() <= before:  # no byte came: this is not a line that breaks now and then
                    raise
        os.replace(self._partial, output_file)  # noqa: PTH105

    def _have(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _go_on(self, url: str) -> None:
        have = self._have()
        # Bytes as they are on the server's disk: a range of a compressed answer would be of something else.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
            said = response.headers.get("Content-Range", "")
            if have and response.status_code == requests.codes.requested_range_not_satisfiable:
                if said != f"bytes */{have}":  # all of it is there, else it is of another file
                    self._partial.unlink()
                    self._go_on(url)
                return
            response.raise_for_status()
            resumed = response.status_code == requests.codes.partial_content and said.startswith(f"bytes {have}-")
            have = have if resumed else 0
            length = response.headers.get("Content-Length", "")
            total = have + int(length) if length.isdigit() else None
            with self._partial.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    self._report(have, total)
