"""The editor as a process: how the browser is told where it is, and what becomes of edits at the end."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bench_semantic.editor.export import EDITS

SECONDS = 60  # the longest that anything may take, on a machine that is busy

BROWSER = """#!/bin/sh
echo "$1" > "$0.asked"
cp -p "${1#file://}" "$0.page"
"""

COMMAND = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # or nobody would be told that the terminal is closed
from bench_core.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_closed_terminal_loses_no_edit_and_no_command_line_has_the_token(
    weights: Path, photos: Path, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o700)
    arguments = ["sdc", "edit", str(photos / "images" / "0.png"), "--weights", str(weights), "--device", "cpu"]
    terminal, its_end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, "--out", str(tmp_path / "edits")],
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "BROWSER": str(browser), "TMPDIR": str(tmp_path)},
    )
    os.close(its_end)
    try:
        with os.fdopen(terminal, closefd=False) as lines:
            address = lines.readline().strip()
        base, _, token = address.partition("/?token=")
        assert base.startswith("http://127.0.0.1:"), address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
        assert opener.open(address, timeout=SECONDS).status == 200

        asked, page = Path(f"{browser}.asked").read_text().strip(), Path(f"{browser}.page")
        assert asked.startswith("file:///")
        assert token not in asked
        assert f'url={address}"' in page.read_text()
        assert stat.S_IMODE(page.stat().st_mode) == 0o600

        painted = urllib.request.Request(
            f"{base}/api/photos/1/operations",
            json.dumps({"kind": "stroke", "points": [[5, 5]], "side": 9, "label": 3}).encode(),
            {"Content-Type": "application/json", "Origin": base},
        )
        assert json.load(opener.open(painted, timeout=SECONDS))["unsaved"]
        os.close(terminal)
        terminal = -1
        assert process.wait(SECONDS) == 0
        assert len(json.loads((tmp_path / "edits" / EDITS).read_text())["edits"]) == 1
        assert not Path(asked.removeprefix("file://")).exists()
    finally:
        if terminal >= 0:
            os.close(terminal)
        process.kill()
        process.wait()
