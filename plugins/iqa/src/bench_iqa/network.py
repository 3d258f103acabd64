"""Keeping the network out of the way: what would be fetched is found out before anything is.

Libraries below pyiqa fetch weights in half a dozen ways, and some retry for a minute. So a metric is first built with
the network closed to its thread alone; only if that shows that something is missing, and its host answers, is it built
again.
"""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.connect"}
_TIMEOUT_S = 5.0
_state = threading.local()
_installed = threading.Lock()
_hooked = False


class NetworkClosedError(RuntimeError):
    """The network was asked for while it was closed. Not an OSError: those are retried by the libraries that fetch."""


@contextmanager
def closed() -> Iterator[set[tuple[str, int]]]:
    """Close the network to the calling thread; gives the (host, port) pairs that were asked for, as they come up.

    Hugging Face's libraries are told that they are offline, so that they use what they have cached.
    """
    import huggingface_hub.constants as hub

    _install()
    asked: set[tuple[str, int]] = set()
    before, hub.HF_HUB_OFFLINE = hub.HF_HUB_OFFLINE, True
    _state.asked = asked
    try:
        yield asked
    except Exception as error:
        if any(_misses_a_cached_file(link) for link in _chain(error)):
            asked.add((hub.ENDPOINT.split("://")[-1].split("/")[0], 443))
        raise
    finally:
        _state.asked = None
        hub.HF_HUB_OFFLINE = before


def answers(host: str, port: int) -> bool:
    """Whether a host takes connections, found out in seconds."""
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _misses_a_cached_file(error: BaseException) -> bool:
    """Whether Hugging Face's libraries miss a file while they are offline; transformers says so in words."""
    if type(error).__name__ in ("LocalEntryNotFoundError", "OfflineModeIsEnabled"):
        return True
    return isinstance(error, OSError) and "huggingface.co" in str(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _install() -> None:
    # An audit hook sees every socket that Python opens, whichever library asked; it cannot be removed, so there is one.
    global _hooked
    with _installed:
        if not _hooked:
            sys.addaudithook(_watch)
            _hooked = True


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or getattr(_state, "asked", None) is None:
        return
    host, port = arguments[0], arguments[1] if len(arguments) > 1 else 0
    if event == "socket.connect":
        if not isinstance(arguments[1], tuple):
            return  # a socket of this machine's own
        host, port = arguments[1][:2]
    host = host.decode() if isinstance(host, bytes) else str(host)
    _state.asked.add((host, int(port) if str(port).isdigit() else 443))
    raise NetworkClosedError(f"the network is closed, and {host} was asked for")
