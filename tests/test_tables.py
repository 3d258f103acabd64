"""Tables on terminals of any width, and where there is none."""

import re

import pytest

from bench_core.cli.tables import WIDTH, print_table

FIGURES = [
    f"{title} of 16..20" for title in ("PSNR", "SSIM", "Top-1", "CCI", "naturalness", "colorfulness", "CIEDE2000")
]
ROWS = [
    ["Zhang et al. (2016)", "reported", *(f"{22.49 + index:.2f}" for index in range(7))],
    ["jpeg:q=40,ss=420+resize:f=0.5,k=bicubic", "measured", *(f"0.97{index}1" for index in range(7))],
]
CELLS = [cell for row in ROWS for cell in row]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_table(["method", "origin", *FIGURES], ROWS, right=FIGURES)
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def test_a_table_that_goes_to_a_file_has_every_cell_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys)
    assert len(lines[0]) > WIDTH
    for row in ROWS:
        (line,) = [line for line in lines if row[0] in line]
        assert line.split("  ")[0].strip() == row[0]
        assert line.split()[-8:] == row[1:]


@pytest.mark.parametrize("width", [40, 80, 100, 140, 300])
def test_a_terminal_of_any_width_gets_whole_figures_and_all_words(
    width: int, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.setenv("COLUMNS", str(width))
    lines = printed(capsys)
    text = "\n".join(lines)
    assert "…" not in text
    assert not [cell for row in ROWS for cell in row[1:] if cell not in text.split()]
    methods = "".join(line.split("  ")[0].replace(" ", "") for line in lines)
    assert all(row[0].replace(" ", "") in methods for row in ROWS)


def test_a_table_that_fits_once_its_titles_wrap_fits(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.setenv("COLUMNS", "100")
    assert {len(line) for line in printed(capsys)} == {100}
