"""A leaderboard of runs of every kind, and a strict reader of its pages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from bench_core.records import ScoreRecord, TripKey, TripRecord
from bench_core.store.database import open_database
from bench_core.store.writer import ModelIdentity, RunIdentity, RunWriter
from bench_core.task import TASKS
from bench_leaderboard import site
from bench_leaderboard.board import read_board

METRICS = {
    "psnr@1": {"name": "psnr", "direction": "higher", "unit": "dB", "kind": "mean"},
    "lpips@2": {"name": "lpips", "direction": "lower", "unit": "", "kind": "mean"},
}
CHANNELS = ["identity", "jpeg:q=40,ss=420", "jpeg:q=90,ss=420", "poisson:gray=0,peak=255"]
IDENTICAL = {"identical": True, "cap": 100.0, "mse": 0.0}
EVIL = "<script>alert(1)</script>\"'&"


def picture(seed, channels):
    return np.random.default_rng(seed).integers(0, 256, (12, 16, channels), dtype=np.uint8)


def pictures(task, seed, secrets):
    one = TASKS[task].carrier_channels
    if task != "steganography":
        return {
            "sample.color": picture(seed, 3),
            "sample.gray": picture(seed + 1, one),
            "carrier": picture(seed + 2, one),
            "received": picture(seed + 3, one),
            "output.color": picture(seed + 4, 3),
        }
    roles = {"sample.host": picture(seed, 3), "carrier": picture(seed + 2, 3), "received": picture(seed + 3, 3)}
    for index in range(secrets):
        tail = f".{index + 1}" if secrets > 1 else ""
        roles |= {f"sample.secret{tail}": picture(seed + 5 + index, 3), f"output.secret{tail}": picture(seed + 9, 3)}
    return roles


def add_run(
    database, plugin, *, task="steganography", data="d0", channels=CHANNELS, asked=None, images=("a", "b", "c"),
    settings=None, fails=lambda image, channel: False, level=20.0, weights="", secrets=1, metrics=METRICS, seed=0,
    request=None, figures=None,
):  # fmt: skip
    """Write one run of made-up figures, and return its id.

    `figures` gives by a metric's name the value and the details of each image.
    """
    model = ModelIdentity(plugin, "testbed", "1.0", task, settings or {}, weights, "cd" * 16)
    asks = {"degradations": list(asked or channels), "metrics": metrics, "repeats": 1, "limit": None, "size": None}
    asks |= request or {}
    run = RunIdentity(model, "sample", (data * 16)[:32], seed, asks)
    provenance = {"versions": {"python": "3.11"}, "hardware": {"processor": EVIL}, "git": "abc+"}
    writer = RunWriter(database, run, f"bench run -p {plugin}", provenance)
    pairs = [pair for pair in TASKS[task].pairs if pair.name != "host"]
    records = []
    for at, image in enumerate(images):
        for step, channel in enumerate(channels):
            bad = fails(image, channel)
            scores = []
            for pair in pairs:
                for implementation, facts in metrics.items():
                    value = level + at + step / 8 if facts["name"] == "psnr" else 1 / (level + at + step)
                    details = {}
                    if figures and facts["name"] in figures:
                        value, details = figures[facts["name"]][at]
                    same = channel == "identity" and pair.name == "channel" and facts["name"] == "psnr"
                    scores.append(
                        ScoreRecord(
                            pair.name,
                            facts["name"],
                            implementation,
                            None if bad or same else value,
                            "model_error" if bad else "ok",
                            f"no luck with {EVIL}" if bad else "",
                            {"worst": 5.0} if bad else IDENTICAL if same else details,
                        )
                    )
            kept = pictures(task, at, secrets) if at < 2 and not bad else {}
            records.append(
                TripRecord(
                    TripKey(image, channel, 0), f"x{image}", 0.01, 0.002, 1.5, {"encoded_bytes": 4321}, scores, kept
                )
            )
    if records:
        writer.write(records)
    writer.finish(computed=len(records), reused=0, failed=0, done=asked is None)
    return run.id


def build(tmp_path_factory):
    """A site of runs of every kind, with the database it is made from."""
    folder = tmp_path_factory.mktemp("leaderboard")
    database = open_database(str(folder / "bench.db"))
    ids = {
        "good": add_run(database, "riis", level=27.0, weights="ab" * 32),
        "short": add_run(database, "lsb", settings={"bits": 4}, channels=CHANNELS[:2], level=25.0),
        "flaky": add_run(database, "lsb", settings={"bits": 2}, level=40.0, fails=lambda image, channel: image == "a"),
        "broken": add_run(database, "broken", fails=lambda image, channel: True),
        "evil": add_run(database, EVIL, settings={"x": EVIL}, images=(EVIL, "b", "c"), level=10.0, secrets=2),
        "stopped": add_run(database, "slow", channels=CHANNELS[:1], asked=CHANNELS, level=5.0),
        "nothing": add_run(database, "killed", channels=(), asked=CHANNELS),
        "elsewhere": add_run(database, "riis", data="e1", level=50.0),
        "newer": add_run(database, "newmetric", metrics={"psnr@2": METRICS["psnr@1"]}, level=99.0),
        "gray": add_run(database, "copy-gray", task="invertible-grayscale"),
        "color": add_run(database, "copy-gray-colorization", task="colorization"),
    }
    index = site.build_site(read_board(database), database, folder / "site", title=EVIL)
    yield Built(index.parent, database, ids)
    database.close()


@dataclass
class Built:
    folder: Path
    database: object
    ids: dict

    @property
    def pages(self):
        return [self.folder / "index.html", *sorted((self.folder / "runs").iterdir())]


VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Node:
    tag: str
    attrs: dict
    children: list = field(default_factory=list)

    def all(self, tag=None, **attrs):
        for child in self.children:
            if isinstance(child, Node):
                wanted = {name.replace("_", "-").strip("-"): value for name, value in attrs.items()}
                if (tag is None or child.tag == tag) and all(child.attrs.get(k) == v for k, v in wanted.items()):
                    yield child
                yield from child.all(tag, **attrs)

    def one(self, tag=None, **attrs):
        found = list(self.all(tag, **attrs))
        assert len(found) == 1, (tag, attrs, len(found))
        return found[0]

    def children_of(self, *tags):
        return [child for child in self.children if isinstance(child, Node) and child.tag in tags]

    @property
    def text(self):
        return " ".join("".join(c if isinstance(c, str) else c.text + " " for c in self.children).split())


class Reader(HTMLParser):
    """A strict reader: every element must be closed where it was opened."""

    def __init__(self):
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in {tag}"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(path):
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def board(built, task="steganography", data="d0"):
    page = read(built.folder / "index.html")
    section = next(
        s for s in page.all("section") if s.attrs["id"].startswith(task) and s.attrs["id"].endswith(data * 4)
    )
    return section, section.one("table")


def cells(table):
    """{(run, column's name): cell} of a table, by its own headings."""
    heads = [head.attrs["data-name"] for head in table.one("thead").all("th") if "data-name" in head.attrs]
    found = {}
    for row in table.one("tbody").all("tr"):
        for name, cell in zip(heads, row.children_of("th", "td"), strict=True):
            found[row.attrs["data-run"], name] = cell
    return found


def addresses(page):
    for element in page.all():
        for name in ("href", "src"):
            if name in element.attrs:
                yield element.attrs[name]
