"""Which cells a run asks for, and which of them are missing.

A request is checked as a whole before anything is loaded that costs time and before anything is written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bench_core.degradation import Channel
from bench_core.errors import BenchError, CellFailure, RequestError, one_line
from bench_core.grammar import parse_channels
from bench_core.metric import Metric, SetMetric
from bench_core.model import Model, Sample
from bench_core.params import resolve
from bench_core.plugins import Plugins, registry
from bench_core.provenance import code_digest, digest_of, file_digest
from bench_core.records import WHOLE_SET, CellKey, TripKey
from bench_core.samples import SampleSet, build_samples
from bench_core.sizes import Size
from bench_core.store.writer import ModelIdentity, RunIdentity
from bench_core.task import Pair
from bench_core.unrounded import FloatContainer


@dataclass(frozen=True)
class Request:
    """One run as it was asked for; plain values, so that a worker process can build it again.

    A metric that has nothing to score is a mistake, unless the run is `one_of_several` methods asked for the same ones.
    """

    plugin: str
    degrade: tuple[str, ...] = ("clean",)
    captured: tuple[str, ...] = ()
    container: str = "8bit"
    dataset: str = "sample"
    secrets: str | None = None
    metrics: tuple[str, ...] = ("psnr", "ssim")
    settings: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None
    seed: int = 0
    repeats: int = 1
    limit: int | None = None
    size: str | None = None
    device: str = "auto"
    keep: int = 4
    sweep: str = "product"
    max_points: int = 200
    one_of_several: bool = False


@dataclass
class Workbench:
    """A request's live objects: what a process needs to compute its cells.

    `pairs` are those that the method returns something for and at least one sample has the reference of.
    """

    request: Request
    model: Model
    samples: SampleSet
    channels: dict[str, Channel]
    metrics: dict[str, Metric]
    pairs: tuple[Pair, ...]

    @classmethod
    def build(cls, request: Request) -> "Workbench":
        """Check the request and build it.

        Raises:
            RequestError: with one line for every mistake found.
        """
        plugins = registry()
        problems: list[str] = []

        def attempt(make: Any, option: str = "") -> Any:
            try:
                return make()
            except RequestError as error:
                problems.extend(
                    line if line.startswith("--") or not option else f"{option}: {line}" for line in error.problems
                )
                return None

        channels = attempt(
            lambda: parse_channels(
                request.degrade, plugins.degradations, sweep=request.sweep, max_points=request.max_points
            )
        )
        captured = [
            attempt(partial(plugins.degradations.create, f"capture:{folder}"), f"--captured {folder}")
            for folder in request.captured
        ]
        metrics = attempt(lambda: create_metrics(request.metrics, plugins), "--metric")
        dataset = attempt(lambda: plugins.datasets.create(request.dataset), "--dataset")
        secrets = attempt(lambda: plugins.datasets.create(request.secrets), "--secrets") if request.secrets else None
        size = attempt(lambda: Size.parse(request.size) if request.size else None, "--size")
        model_class = attempt(lambda: plugins.models.load(request.plugin), "--plugin")
        settings = (
            attempt(lambda: resolve(model_class.params, request.settings, request.plugin), "--set")
            if model_class
            else None
        )
        weights = attempt(lambda: find_weights(request.weights or "")) if request.weights else None
        if problems:
            raise RequestError(problems)
        model = create_model(model_class, request.plugin, settings or {}, weights, request.device)
        pairs = model.task.pairs_for([name for name in model.returned() if name not in model.oracle])
        channels = [*channels, *(Channel((stage,)) for stage in captured)]
        if request.container == "float":
            channels = [attempt(partial(_unrounded, channel), "--container float") for channel in channels]
        if not problems:
            metrics = _fitting(request, metrics, pairs)
            problems += _misfits(request, model, pairs, channels, metrics)
        if problems:
            raise RequestError(problems)
        samples = build_samples(
            dataset,
            model.task,
            seed=request.seed,
            size=size,
            limit=request.limit,
            secrets=model.secrets,
            secrets_from=secrets,
        )
        found = tuple(pair for pair in pairs if any(_has(fields, pair) for fields in samples.fields.values()))
        metrics = _fitting(request, metrics, found)
        if problems := _lacking(request, pairs, found, metrics):
            raise RequestError(problems)
        return cls(request, model, samples, {channel.id: channel for channel in channels}, metrics, found)

    def identity(self) -> RunIdentity:
        """What the run is, for the store."""
        entry = registry().models.get(self.request.plugin)
        info = next(info for info in registry().infos if info.name == entry.plugin)
        model = ModelIdentity(
            name=self.request.plugin,
            plugin=entry.plugin,
            plugin_version=info.version,
            task=self.model.task.name,
            settings=self.model.settings,
            weights=file_digest(self.model.weights) if self.model.weights else "",
            code=code_digest(type(self.model).__module__),
        )
        asked = {
            "degradations": list(self.channels),
            "metrics": {
                metric.implementation: {
                    "name": metric.name,
                    "direction": metric.direction,
                    "unit": metric.unit,
                    "kind": metric.kind,
                }
                for metric in self.metrics.values()
            },
            "repeats": self.request.repeats,
            "limit": self.request.limit,
            "size": self.request.size,
        }
        if self.request.secrets:
            asked["secrets"] = self.request.secrets
        if self.model.oracle:
            asked["oracle"] = list(self.model.oracle)
        return RunIdentity(model, self.request.dataset, self.samples.digest, self.request.seed, asked)

    @cached_property
    def kept(self) -> frozenset[str]:
        """The images whose pictures are kept for the gallery."""
        return frozenset(self.samples.ids[: self.request.keep])

    def sample(self, image: str) -> Sample:
        """One image's sample; CellFailure for a picture that cannot be read."""
        if image in self.samples.failures:
            raise CellFailure("decode_failed", self.samples.failures[image])
        return self.samples[image]

    def channel_provenance(self) -> dict[str, Any]:
        """What to record of the codecs the channels use: versions, and whether their self tests passed."""
        facts: dict[str, Any] = {}
        for channel in self.channels.values():
            facts.update(channel.provenance())
        return facts

    def trips(self, image: str) -> list[TripKey]:
        """The trips of one image. What cannot come out differently is not repeated."""
        asked = self.request.repeats
        return [
            TripKey(image, channel.id, repeat)
            for channel in self.channels.values()
            for repeat in range(max(channel.repeats(image, asked), asked if self.model.stochastic else 1))
        ]

    def cells(self, trip: TripKey) -> list[CellKey]:
        """The cells of one trip; for the whole set's (image `WHOLE_SET`), those of the metrics that compare sets."""
        of_set = trip.image == WHOLE_SET
        return [
            CellKey(*trip, pair.name, metric.implementation)
            for pair in self.pairs_of(trip.image)
            for metric in self.metrics.values()
            if metric.scores(pair) and isinstance(metric, SetMetric) == of_set
        ]

    def pairs_of(self, image: str) -> tuple[Pair, ...]:
        """The pairs that an image has the references of; of one that cannot be read, those of the set."""
        fields = self.samples.fields.get(image)
        return self.pairs if fields is None else tuple(pair for pair in self.pairs if _has(fields, pair))

    def sets(self) -> list[TripKey]:
        """The whole set's way through each channel, where a metric compares sets."""
        return [trip for channel in self.channels if self.cells(trip := TripKey(WHOLE_SET, channel, 0))]

    @property
    def digests(self) -> dict[str, str]:
        """The content digest of each image's sample, and of the whole set with its repeats."""
        whole = digest_of([self.samples.digest, self.request.repeats])
        return {**self.samples.digests, WHOLE_SET: whole}


def _has(fields: Collection[str], pair: Pair) -> bool:
    """Whether a sample with these fields has the pair's reference; the carrier is always there."""
    kind, _, name = pair.reference.partition(".")
    return kind != "sample" or name in fields


def _fitting(request: Request, metrics: dict[str, Metric], pairs: Sequence[Pair]) -> dict[str, Metric]:
    """The metrics that count: all that were asked of this method; of those asked of several, those it has pairs for."""
    fitting = {name: metric for name, metric in metrics.items() if any(metric.scores(pair) for pair in pairs)}
    return fitting if request.one_of_several and fitting else metrics


def _lacking(
    request: Request, pairs: Sequence[Pair], found: Sequence[Pair], metrics: Mapping[str, Metric]
) -> list[str]:
    """The metrics that would have something to score, had the pictures what it takes."""
    problems = []
    for metric in metrics.values():
        if any(metric.scores(pair) for pair in found):
            continue
        names = [pair.reference.partition(".")[2] for pair in pairs if metric.scores(pair)]
        problems.append(
            f"--metric {metric.name}: needs pictures with {' or '.join(names)}, and --dataset {request.dataset} has "
            f"none; e.g. --dataset folder:photos,{names[0]}=DIR"
        )
    return problems


def _misfits(
    request: Request,
    model: Model,
    pairs: Sequence[Pair],
    channels: Sequence[Channel],
    metrics: Mapping[str, Metric],
) -> list[str]:
    """What each is right by itself, but not for this method."""
    problems = [
        f"--metric {metric.name}: scores {' and '.join(metric.pairs) or metric.compares}; {request.plugin} has "
        f"{', '.join(pair.name for pair in pairs)}"
        for metric in metrics.values()
        if not any(metric.scores(pair) for pair in pairs)
    ]
    if strange := [name for name in model.oracle if name not in model.task.optional]:
        known = ", ".join(model.task.optional) or "none"
        problems.append(
            f"--plugin {request.plugin}: wants to be told the true {' and '.join(strange)}; of {model.task.name} a "
            f"method may be told {known}"
        )
    if request.secrets and "secret" not in model.task.fields:
        problems.append(f"--secrets {request.secrets}: {request.plugin} hides no secret ({model.task.name})")
    if not model.takes_floats and any(channel.exact for channel in channels):
        option = "--container float" if request.container == "float" else "--degrade float"
        problems.append(f"{option}: {request.plugin} decodes 8-bit pictures only; leave it out")
    return problems


def _unrounded(channel: Channel) -> Channel:
    """The channel behind an unrounded container; RequestError where a stage works on 8 bits."""
    if channel.exact:
        return channel
    rest = () if channel.id == "identity" else channel.stages
    return Channel((FloatContainer(), *rest))


def create_metrics(names: Sequence[str], plugins: Plugins) -> dict[str, Metric]:
    """Metrics by name, groups expanded, each once; RequestError with a line for every unknown name."""
    problems: list[str] = []
    metrics: dict[str, Metric] = {}
    wanted = [member for name in names for member in (plugins.metrics.group(name) or (name,))]
    for name in dict.fromkeys(wanted):
        try:
            metrics[name] = plugins.metrics.create(name)
        except RequestError as error:
            problems.extend(error.problems)
    if problems:
        raise RequestError(problems)
    return metrics


def create_model(
    model_class: type[Model], name: str, settings: Mapping[str, Any], weights: Path | None, device: str
) -> Model:
    """Build a method; what goes wrong in its constructor is the request's fault and named as such."""
    try:
        model = model_class(settings=settings, weights=weights, device=device)
    except BenchError:
        raise
    except Exception as error:
        raise RequestError(f"--plugin {name}: cannot be set up: {one_line(error)}") from error
    model.name = name
    return model


def find_weights(text: str) -> Path:
    """The weights file a user named."""
    path = Path(text).expanduser()
    if not path.is_file():
        raise RequestError(f"--weights {text}: no such file; leave the option out to use the plugin's own weights")
    return path


@dataclass(frozen=True)
class Slice:
    """A few images and, for each of their trips, the cells that are missing."""

    work: dict[str, dict[TripKey, list[CellKey]]]


@dataclass(frozen=True)
class Plan:
    """What is to be done: slices of missing cells, and the good cells that are there already.

    `sets` are the missing cells of whole sets. They need every picture of their channel, so its trips are in the
    slices, with a cell for each description that is to be made.
    """

    slices: tuple[Slice, ...]
    sets: tuple[CellKey, ...]
    missing: int
    reused: dict[CellKey, int]

    @property
    def total(self) -> int:
        """All cells the run asks for."""
        return self.missing + len(self.reused)


def make_plan(bench: Workbench, known: Mapping[CellKey, int], batch_size: int) -> Plan:
    """Compare what is asked for with what is known, and cut the rest into slices of `batch_size` images."""
    images: dict[str, dict[TripKey, list[CellKey]]] = {}
    reused: dict[CellKey, int] = {}
    missing = 0

    def wanted(cells: list[CellKey]) -> list[CellKey]:
        reused.update({cell: known[cell] for cell in cells if cell in known})
        return [cell for cell in cells if cell not in known]

    sets = [cell for trip in bench.sets() for cell in wanted(bench.cells(trip))]
    for image in (*bench.samples.ids, *bench.samples.failures):
        readable = image not in bench.samples.failures  # what cannot be read is not in the set
        for trip in bench.trips(image):
            todo = wanted(bench.cells(trip))
            missing += len(todo)
            if readable:
                own = {pair.name for pair in bench.pairs_of(image)}
                parts = (cell for cell in sets if cell.degradation == trip.degradation and cell.pair in own)
                todo += [CellKey(*trip, cell.pair, cell.implementation) for cell in parts]
            if todo:
                images.setdefault(image, {})[trip] = todo
    names = list(images)
    slices = tuple(
        Slice({name: images[name] for name in names[start : start + batch_size]})
        for start in range(0, len(names), batch_size)
    )
    return Plan(slices, tuple(sets), missing + len(sets), reused)
