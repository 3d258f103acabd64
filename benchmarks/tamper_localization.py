"""Tampering found by a hidden public watermark, with a threshold that was fixed before: the table of docs/metrics.md.

python benchmarks/tamper_localization.py [--plugin riis] [--dataset folder:photos] [--limit 8]

One watermark is hidden in every host. Containers are tampered with and then sent through each channel. A pixel counts
as tampered with where the map (17×17 box) is above its 99th percentile on untampered containers that came the same
way: those of the other half of the hosts, so that no host sets its own threshold. *paste* puts a mirrored part of the
host in, which hides nothing; *copy-move* one of the container itself, which hides another part of the watermark.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench_core.by_hand import decode_carrier, make_model, told_stages
from bench_core.degradation import Channel, Received
from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.images import read_image
from bench_core.model import Model, Sample
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.runner import ENCODE_STAGE, checked
from bench_core.sizes import Size
from bench_core.task import STEGANOGRAPHY
from bench_metrics.locate import LOCATE_SIDE
from bench_metrics.tamper import clean_threshold, detect, error_map, localize

Picture = np.ndarray[Any, np.dtype[np.uint8]]

WAYS = ("paste", "copy-move")
AREAS = (0.01, 0.05, 0.2)
CHANNELS = ("identity", "jpeg:90", "jpeg:40")


@dataclass(frozen=True)
class Trip:
    """A host, and the container that was sent."""

    name: str
    host: Picture
    container: Picture


class Bench:
    """A method, a watermark, and the containers that hide it."""

    def __init__(self, model: Model, hosts: dict[str, Picture], watermarks: Sequence[Picture], seed: int) -> None:
        if model.task is not STEGANOGRAPHY:
            raise RequestError(f"{model.name} hides no picture; e.g. --plugin riis")
        if len(hosts) < 2:
            raise RequestError(f"two hosts are needed, one to set the other's threshold, not {len(hosts)}")
        self.model, self.seed = model, seed
        self.marks = {name: fitted(watermarks, host) for name, host in hosts.items()}
        self.trips = [Trip(name, host, self._encode(name, host)) for name, host in hosts.items()]

    def _encode(self, name: str, host: Picture) -> Picture:
        rng = keyed_generator(self.seed, name, ENCODE_STAGE, "tamper", 0)
        sample = Sample({"host": host, "secret": self.marks[name]}, (rng,))
        return checked(self.model.carriers([sample])[0], host.shape, "carrier")[0]

    def reveal(self, trip: Trip, received: Received, channel: str) -> Picture:
        """What comes back of the watermark."""
        stages = told_stages(self.model, channel)
        return decode_carrier(self.model, received.image, trip.name, self.seed, stages)["secret"]

    def thresholds(self, channel: str) -> tuple[dict[str, float], float]:
        """For each host the threshold that the other half sets, and the share of its own pixels above it."""
        maps = {
            trip.name: error_map(self._untampered(trip, channel), self.marks[trip.name], LOCATE_SIDE)
            for trip in self.trips
        }
        names = list(maps)
        halves = [clean_threshold(maps[name] for name in names[half::2]) for half in (0, 1)]
        found = {name: halves[1 - index % 2] for index, name in enumerate(names)}
        return found, float(np.mean([(maps[name] > found[name]).mean() for name in names]))

    def _untampered(self, trip: Trip, channel: str) -> Picture:
        return self.reveal(trip, parse(channel).send(trip.container, self.seed, trip.name), channel)

    def tampered(self, way: str, area: float, channel: str) -> Iterator[tuple[Trip, Received, Picture]]:
        """Every container, tampered with and sent: with its mask, and what is revealed."""
        chain = parse(f"paste:{area}+{channel}")
        for trip in self.trips:
            # Without a cover, `paste` takes what it pastes from the container.
            cover = trip.host if way == "paste" else None
            received = chain.send(trip.container, self.seed, trip.name, cover=cover)
            yield trip, received, self.reveal(trip, received, channel)


def parse(spec: str) -> Channel:
    """One channel."""
    return parse_channels([spec], registry().degradations)[0]


def fitted(watermarks: Sequence[Picture], host: Picture) -> Picture:
    """The watermarks at the host's size, one after another in the channels."""
    size = Size(host.shape[1], host.shape[0], fit=True)
    return np.concatenate([size.apply(mark) for mark in watermarks], axis=2)


def measure(bench: Bench, channels: Sequence[str], areas: Sequence[float]) -> Iterator[tuple[str, ...]]:
    """The rows of the table: means over hosts."""
    for channel in channels:
        thresholds, untouched = bench.thresholds(channel)
        yield channel, "nothing", "", f"{np.mean(list(thresholds.values())):.1f}", *[""] * 5, f"{untouched:.1%}"
        for way in WAYS:
            for area in areas:
                rows = []
                for trip, received, revealed in bench.tampered(way, area, channel):
                    mark, mask = bench.marks[trip.name], received.mask
                    levels = error_map(revealed, mark, LOCATE_SIDE)
                    found = detect(levels, thresholds[trip.name], mask)
                    best = localize(revealed, mark, mask, LOCATE_SIDE)
                    rows.append((best.auc, found.f1, found.iou, best.f1, found.recall, found.false_alarms))
                auc, f1, iou, best_f1, recall, alarms = np.mean(rows, axis=0)
                figures = (f"{auc:.3f}", f"{f1:.3f}", f"{iou:.3f}", f"{best_f1:.3f}", f"{recall:.3f}", f"{alarms:.1%}")
                yield channel, way, f"{area:.0%}", "", *figures


def pictures(spec: str, size: str | None, limit: int | None) -> dict[str, Picture]:
    """The color pictures of a set."""
    dataset = registry().datasets.create(spec)
    shape = Size.parse(size) if size else None
    found = {name: dataset.load(name)["color"] for name in dataset.ids()[:limit]}
    return {name: shape.apply(picture) if shape else picture for name, picture in found.items()}


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugin", default="riis", help="the method that hides the watermark")
    parser.add_argument("--weights", help="other weights than the plugin's own")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method")
    parser.add_argument("--dataset", default="sample", help="the hosts, e.g. folder:photos")
    parser.add_argument("--size", help="as bench run's")
    parser.add_argument("--limit", type=int, help="how many pictures of the set")
    parser.add_argument("--watermark", action="append", help="the public picture; without it, the set's first")
    parser.add_argument("--channel", action="append", help=f"what happens after tampering; {', '.join(CHANNELS)}")
    parser.add_argument("--area", action="append", type=float, help="shares of the area that are tampered with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    try:
        model = make_model(given.plugin, given.set, given.weights, given.device)
        hosts = pictures(given.dataset, given.size, given.limit)
        if given.watermark:
            marks = [read_image(Path(path)) for path in given.watermark]
        else:
            marks = [hosts.pop(name) for name in list(hosts)[: model.secrets]]
        bench = Bench(model, hosts, marks, given.seed)
        columns = ("threshold", "AUC", "F1", "IoU", "best F1", "recall", "false alarms")
        table = Table("channel", "tampering", "area", *columns, title=f"{given.plugin}, {len(hosts)} hosts")
        for row in measure(bench, given.channel or CHANNELS, given.area or AREAS):
            table.add_row(*row)
    except RequestError as error:
        parser.error(str(error))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
