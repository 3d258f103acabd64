"""Running the editor: a socket on the loopback interface, the address to open, and what happens when it ends."""

import contextlib
import secrets
import signal
import socket
import tempfile
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvicorn

from bench_core.cli.options import parse_settings
from bench_core.errors import RequestError
from bench_core.model import Model
from bench_core.params import resolve
from bench_core.plugins import registry
from bench_semantic.colorize import Colorizer
from bench_semantic.editor.export import make_folder
from bench_semantic.editor.server import application
from bench_semantic.editor.workplace import Workplace, find_photos
from bench_semantic.method import NONE, Sdc

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Networks:
    """What is to color the photos: a method of this plugin by its name, and the options of the command line."""

    plugin: str
    settings: Sequence[str]
    weights: Path | None
    device: str

    def colorizer(self) -> Colorizer:
        """The networks; RequestError for a method that is none of SDC, or for settings or weights that will not do."""
        method: type[Model] = registry().models.load(self.plugin)
        if not issubclass(method, Sdc):
            raise RequestError(f"--plugin {self.plugin}: is no method of SDC, whose maps can be edited; try -p sdc")
        given = parse_settings(self.settings)
        if own := {"map_source", "edit"} & given.keys():
            raise RequestError(f"--set {min(own)}: the editor makes the maps; try infer, size or sure, e.g. sure=0.5")
        # Without a predicted map to begin with, one can still be painted.
        values = resolve(method.params, {"map_source": NONE, **given}, self.plugin)
        return method(values, self.weights, self.device).colorizer


def serve(photos: Sequence[Path], networks: Networks, out: Path | None, port: int, browser: bool) -> None:
    """Serve the editor until it is interrupted, then save to `out` what was not.

    `port` 0 is any free one. RequestError for photos, networks, a folder or a port that will not do.
    """
    workplace = Workplace(networks.colorizer(), find_photos(photos, out), out)
    with _ended_by_signals():
        try:
            with _listening(port) as listening:
                if out is not None:
                    make_folder(out)  # rather than to find out when there is something to lose
                port = listening.getsockname()[1]
                token = secrets.token_urlsafe(24)
                address = f"http://{HOST}:{port}/?token={token}"
                click.echo(f"{address}\nOpen this address in a browser on this machine; Ctrl+C ends the editor.")
                with _in_browser(address) if browser else contextlib.nullcontext():
                    _server(workplace, port, token).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            # A terminal that is closed says so, and so does its shell: the second one must not disturb the saving.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _end(workplace)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A block that SIGTERM ends as Ctrl+C does, and so does SIGHUP: the terminal was closed.

    uvicorn ends in good order at SIGINT and SIGTERM, and then raises them again as they were handled before.
    """
    handlers: dict[int, Any] = {signal.SIGTERM: signal.default_int_handler}
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # as nohup has it
        handlers[hangup] = lambda *_: signal.raise_signal(signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _in_browser(address: str) -> Iterator[None]:
    """Open a file that leads to the address: all users can see a browser's command line, but must not see the token."""
    with tempfile.TemporaryDirectory(prefix="bench-sdc-") as folder:
        page = Path(folder) / "editor.html"
        page.touch(0o600)
        page.write_text(
            '<!doctype html><meta charset="utf-8"><title>Map editor</title><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">Map editor</a>\n'
        )
        if not webbrowser.open(page.as_uri()):
            click.echo("No browser could be started.")
        yield


def _server(workplace: Workplace, port: int, token: str) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            application(workplace, port, token),
            log_level="warning",  # no log of requests: the first has the token in its address
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=3,
        )
    )


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()  # from now on the browser can knock, and waits until somebody answers
    except OSError as error:
        listening.close()
        raise RequestError(f"--port {port}: {error.strerror}; --port 0 takes a free one") from None
    return listening


def _end(workplace: Workplace) -> None:
    workplace.close()
    if workplace.out is None:
        count = sum(photo.edited for photo in workplace.photos)
        if count:
            _say(f"The edits of {count} photo{'s' * (count > 1)} are gone; --out edits would have kept them.")
    elif workplace.unsaved:
        count = workplace.save()
        _say(f"{workplace.out}: {count} edit{'s' * (count != 1)} saved")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be closed
        click.echo(line)
