"""From a suite to runs: its columns as channels, the data that is here, and one request a method.

What is wrong with the request itself (data, metrics, degradations) stops everything; a method whose plugin or weights
are not there is skipped, with a line that says how to get them.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from bench_core.degradation import Channel
from bench_core.errors import MissingWeights, RequestError
from bench_core.grammar import parse_channels
from bench_core.params import format_value
from bench_core.plan import Request, Workbench, create_metrics
from bench_core.plugins import Registry, registry
from bench_core.sizes import Size
from bench_core.suite import ENCODED_BYTES, UNMEASURED, MethodSpec, Suite
from bench_core.task import TASKS

CLEAN = "identity"
"""Under which a reported figure is stored that no channel can change."""


@dataclass(frozen=True)
class Column:
    """One column of a suite's table; `degradation` is a canonical id, empty where no channel can change the pair."""

    title: str
    pair: str
    metric: str
    degradation: str = ""
    measured_only: bool = False
    panel: str = ""


@dataclass(frozen=True)
class Chosen:
    """The data that a suite is measured on, and the line that says so."""

    dataset: str
    size: str | None
    limit: int | None
    note: str


@dataclass(frozen=True)
class Options:
    """What the user gave explicitly; None is the suite's own."""

    plugins: tuple[str, ...] = ()
    degrade: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    dataset: str | None = None
    size: str | None = None
    limit: int | None = None
    seed: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """One method, ready to run."""

    method: MethodSpec
    bench: Workbench


@dataclass(frozen=True)
class Skipped:
    """One method that cannot run here: the reason on one line, and the command that trains what is missing."""

    method: MethodSpec
    reason: str
    train: str = ""


def columns_of(suite: Suite, degradations: Registry) -> list[Column]:
    """The columns of a suite, one for each channel; RequestError with one line for each mistake."""
    found: list[Column] = []
    problems: list[str] = []
    for at, spec in enumerate(suite.columns, 1):
        where = f"suite '{suite.name}': columns[{at}].degradations"
        if not spec.degradations:
            found.append(
                Column(spec.title or spec.pair, spec.pair, spec.hyperparameter or spec.printed or spec.metric, "",
                       spec.measured_only, spec.panel)
            )  # fmt: skip
            continue
        try:
            channels = parse_channels(spec.degradations, degradations, option=where, presets={})
        except RequestError as error:
            problems.extend(error.problems)
            continue
        if len(channels) > 1 and (
            (spec.title and "{}" not in spec.title) or (suite.reported and not spec.measured_only)
        ):
            problems.append(f"{where}: stand for {len(channels)} columns; name one for each title and printed number")
            continue
        found.extend(
            Column(_title(channel, spec.title), spec.pair, spec.metric, channel.id, spec.measured_only, spec.panel)
            for channel in channels
        )
    printed = [
        (column.degradation or CLEAN, column.pair, column.metric) for column in found if not column.measured_only
    ]
    if suite.reported:
        problems.extend(
            f"suite '{suite.name}': columns: {pair} {metric} under {channel} is there twice; one figure is printed once"
            for channel, pair, metric in dict.fromkeys(key for key in printed if printed.count(key) > 1)
        )
    if problems:
        raise RequestError(problems)
    return found


def _title(channel: Channel, given: str) -> str:
    """The title that was given, or `jpeg 75`: the stages with their main parameter."""
    mains = ["" if not stage.params else format_value(stage.values[stage.params[0].name]) for stage in channel.stages]
    if given:
        return given.replace("{}", " + ".join(mains))
    return " + ".join(f"{stage.name} {main}".strip() for stage, main in zip(channel.stages, mains, strict=True))


def choose_data(suite: Suite, dataset: str | None, environment: Mapping[str, str] = os.environ) -> Chosen:
    """The data to measure on: what the user names, or the first choice of the suite that is here.

    A set that the user names takes the size of the choice it goes by the name of, or else the last one's.
    RequestError where none is here, or where a variable names a folder that is not: it was given, so it must count.
    """
    if dataset is not None:
        by_name = {_short(name): choice for choice in suite.data for name in choice.datasets}
        choice = by_name.get(_short(dataset), suite.data[-1])
        return Chosen(dataset, choice.size or None, choice.limit, f"{suite.name}: measured on {dataset}, as given")
    for choice in suite.data:
        kind = choice.datasets[0].partition(":")[0]
        given = [f"{kind}:{environment[choice.env]}"] if environment.get(choice.env) else []
        for name in (*given, *choice.datasets):
            if problems := _absence(name):
                if name in given:
                    raise RequestError(f"{choice.env}: {problem}" for problem in problems)
            else:
                wanted = suite.data[0]
                absent = f"{wanted.name} is not here (give --dataset folder:PATH); " if choice is not wanted else ""
                note = f"{suite.name}: {absent}measured on {name}"
                return Chosen(name, choice.size or None, choice.limit, note)
    raise RequestError(
        f"suite '{suite.name}': none of its data sets is here ({', '.join(choice.name for choice in suite.data)}); "
        "give one with --dataset, e.g. --dataset folder:photos"
    )


def _short(dataset: str) -> str:
    kind, colon, rest = dataset.partition(":")
    return f"{kind}:{PurePath(rest).name}" if colon else kind


def _absence(dataset: str) -> Sequence[str]:
    """Why a data set is not here; nothing where it is."""
    try:
        registry().datasets.create(dataset)
    except RequestError as error:
        return error.problems
    return ()


def plan_suite(suite: Suite, options: Options) -> tuple[Chosen, list[Planned], list[Skipped]]:
    """The data, the methods that can run, and those that cannot.

    Raises:
        RequestError: the request is wrong; nothing was written.
    """
    methods = _wanted(suite, options)
    columns = columns_of(suite, registry().degradations)
    _check_channels(methods)
    chosen = choose_data(suite, options.dataset)
    if options.size is not None or options.limit is not None:
        chosen = replace(chosen, size=options.size or chosen.size, limit=options.limit or chosen.limit)
    size = f", size {chosen.size}" if chosen.size else ""
    limit = f", the first {chosen.limit}" if chosen.limit else ""
    chosen = replace(chosen, note=f"{chosen.note}{size}{limit}")
    base = _request(suite, columns, chosen, options)
    _check_shared(base)
    planned: list[Planned] = []
    skipped: list[Skipped] = []
    for method in methods:
        outcome = _prepare(method, base, options)
        if isinstance(outcome, Workbench):
            planned.append(Planned(method, outcome))
        else:
            skipped.append(outcome)
    return chosen, planned, skipped


def _wanted(suite: Suite, options: Options) -> list[MethodSpec]:
    names = {method.plugin for method in suite.methods}
    asked = [entry.name if (entry := registry().models.find(name)) else name for name in options.plugins]
    if unknown := [name for name in asked if name not in names]:
        raise RequestError(
            f"--plugin {unknown[0]}: suite '{suite.name}' has no such method; it has {', '.join(sorted(names))}"
        )
    found = [method for method in suite.methods if not asked or method.plugin in asked]
    if options.weights and len(found) != 1:
        raise RequestError(
            f"--weights: suite '{suite.name}' would run {len(found)} methods with them; "
            "choose one with --plugin, or put the file where the suite looks for it (bench list suites --json)"
        )
    return found


def _check_channels(methods: Sequence[MethodSpec]) -> None:
    """A degradation that is misspelled is no reason to skip its method."""
    problems: list[str] = []
    for method in (method for method in methods if method.degradations):
        try:
            parse_channels(
                method.degradations, registry().degradations, option=f"methods '{method.label}': degradations"
            )
        except RequestError as error:
            problems.extend(error.problems)
    if problems:
        raise RequestError(problems)


def _request(suite: Suite, columns: Sequence[Column], chosen: Chosen, options: Options) -> Request:
    pairs = {pair.name: pair for pair in TASKS[suite.task].pairs}
    measurable = [column for column in columns if column.pair not in UNMEASURED]
    channels = list(dict.fromkeys(column.degradation for column in measurable if column.degradation)) or [CLEAN]
    asked = dict.fromkeys((*suite.metrics, *(column.metric for column in measurable)))
    assert all(column.pair in pairs for column in measurable)  # the loader saw to it
    return Request(
        plugin="",
        degrade=options.degrade or tuple(channels),
        dataset=chosen.dataset,
        metrics=options.metrics or tuple(name for name in asked if name != ENCODED_BYTES),
        seed=suite.seed if options.seed is None else options.seed,
        size=chosen.size,
        limit=chosen.limit,
        one_of_several=not options.metrics,
        **options.rest,
    )


def _check_shared(request: Request) -> None:
    """What every method would stumble over is the request's fault, and told once."""
    problems: list[str] = []
    plugins = registry()
    for make, option in (
        (lambda: parse_channels(request.degrade, plugins.degradations, sweep=request.sweep), ""),
        (lambda: create_metrics(request.metrics, plugins), "--metric: "),
        (lambda: plugins.datasets.create(request.dataset), "--dataset: "),
        (lambda: Size.parse(request.size) if request.size else None, ""),
    ):
        try:
            make()
        except RequestError as error:
            problems.extend(f"{option}{problem}" for problem in error.problems)
    if problems:
        raise RequestError(problems)


def _prepare(method: MethodSpec, base: Request, options: Options) -> Workbench | Skipped:
    """The method's workbench, or why it cannot run here."""
    if registry().models.find(method.plugin) is None:
        return Skipped(method, f"no method '{method.plugin}' is installed")
    degrade = options.degrade or method.degradations or base.degrade
    settings = {**(method.settings or {}), **options.settings}
    request = replace(base, plugin=method.plugin, settings=settings, degrade=degrade)
    file = method.weights if Path(method.weights).is_file() else None
    if options.weights:
        tries: list[str | None] = [options.weights]
    elif method.own_first:
        tries = [None, *([file] if file else [])]
    elif method.weights and not file:
        return Skipped(method, f"no weights {method.weights}", method.train)
    else:
        tries = [file]
    for weights in tries:
        try:
            return Workbench.build(replace(request, weights=weights))
        except MissingWeights:
            continue
        except RequestError as error:
            if options.settings or options.weights:  # what the user asked of the method is not the suite's to forgive
                raise
            return Skipped(method, " ".join(error.problems))
    missing = f", and there is no {method.weights}" if method.weights else ""
    return Skipped(method, f"{method.plugin} needs weights and ships none{missing}", method.train)
