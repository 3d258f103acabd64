"""One file of hyper-parameters: what it must say, how values are chosen, and what is said of mistakes."""

from pathlib import Path

import pytest

from bench_core.errors import RequestError
from bench_core.training.hyperparameters import Hyperparameters

GOOD = """
[presets]
small = "quick"
paper = "as published"

[width]
group = "network"
small = 8
paper = 64
published = "64"
source = "P"
low = 1
help = "channels"

[lr]
group = "training"
small = 1e-3
paper = 1
published = ""
source = "S: IRN"
low = 0
high = 2
help = "learning rate"

[loss]
group = "training"
small = "l2"
paper = "l1"
published = ""
source = "R: as good"
choices = ["l1", "l2"]
help = "norm"

[skips]
group = "network"
small = true
paper = true
published = "yes"
source = "P"
help = "whether there are skips"
"""


def read(tmp_path: Path, text: str = GOOD) -> Hyperparameters:
    path = tmp_path / "hyperparameters.toml"
    path.write_text(text)
    return Hyperparameters.read(path)


def test_a_preset_gives_every_value_and_set_changes_it(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.presets == {"small": "quick", "paper": "as published"}
    assert found.resolve("small") == {"width": 8, "lr": 1e-3, "loss": "l2", "skips": True}
    changed = found.resolve("paper", ["width=16", "lr=1e-5", "width = 32", "skips=off"])
    assert changed == {"width": 32, "lr": 1e-5, "loss": "l1", "skips": False}
    # 1 beside 1e-3 is a number with a point, as its kind is; no value of the file is changed by a resolve.
    assert type(found.resolve("paper")["lr"]) is float
    assert (found.group("network"), found.group("training")) == (("width", "skips"), ("lr", "loss"))


def test_every_mistake_is_one_line_with_near_names(tmp_path: Path) -> None:
    found = read(tmp_path)
    with pytest.raises(RequestError) as caught:
        found.resolve("small", ["widht=3", "lr", "lr=5", "loss=l3", "skips=maybe", "width=many"])
    assert caught.value.problems == (
        "unknown hyper-parameter 'widht' (did you mean 'width'?); known: loss, lr, skips, width",
        "--set takes key=value, not 'lr'; e.g. --set width=8",
        "lr must be a number from 0 to 2",
        "loss must be one of l1, l2",
        "skips must be 0 or 1",
        "width must be an integer >= 1",
    )
    with pytest.raises(RequestError, match=r"unknown preset 'papre' \(did you mean 'paper'\?\); known: small, paper"):
        found.resolve("papre")


def test_the_table_says_value_source_and_meaning(tmp_path: Path) -> None:
    title, header, *lines = read(tmp_path).table("small", ["lr=1e-5"]).splitlines()
    assert title == "small: quick"
    assert header.split() == ["key", "value", "allowed", "published", "source", "(paper)", "meaning"]
    cells = [[cell.strip() for cell in line.split("  ") if cell] for line in lines]
    assert cells == [
        ["width", "8", "integer 1..", "64", "P (64)", "channels"],
        ["lr", "1e-05", "number 0..2", "–", "S: IRN (1)", "learning rate"],
        ["loss", "l2", "l1|l2", "–", "R: as good (l1)", "norm"],
        ["skips", "true", "0 or 1", "yes", "P", "whether there are skips"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('[presets]\nsmall = "quick"\npaper = "as published"', "", r"no table \[presets\]"),
        ("paper = 64", "", r"\[width\]: needs group, published, source, help, small, paper"),
        ("paper = 64", "paper = 64\nlarge = 3", r"\[width\]: needs .* and may have choices, high, low"),
        ("paper = 64", "paper = 0", r"\[width\]: width must be an integer >= 1"),
        ("paper = 64", 'paper = "64"', r"\[width\]: values must be .* of one kind"),
        ("paper = 64", "paper = [64]", r"\[width\]: values must be .* of one kind"),
        ('group = "network"', 'group = "net"', r"group must be one of network, training, not 'net'"),
        ('source = "S: IRN"', 'source = "IRN"', r"\[lr\]: source must be .* not 'IRN'"),
        ('published = "64"', 'published = ""', r"\[width\]: source 'P' says that the paper prints the value"),
        ('help = "norm"', "help = 3", r"\[loss\]: group, published, source, help must be texts"),
        ('help = "norm"', 'help = ""', r"\[loss\]: help must say what it is"),
        ('paper = "l1"', 'paper = "l3"', r"\[loss\]: loss must be one of l1, l2"),
    ],
)
def test_a_file_that_says_too_little_is_its_authors_mistake(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert "hyperparameters.toml: " in str(caught.value)
