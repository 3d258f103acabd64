"""The trip itself: encode, round to 8 bit, degrade, decode, measure.

The runner owns the channel. A method gets samples to encode and received pictures to decode, and nothing else;
whatever it raises or returns becomes a row, never the end of a run.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench_core.degradation import Channel, Received
from bench_core.errors import CellFailure, as_failure, one_line
from bench_core.images import clip_fraction, to_uint8
from bench_core.model import Condition, Model, Sample, Stage
from bench_core.plan import Slice, Workbench
from bench_core.randomness import keyed_generator
from bench_core.records import CellKey, TripKey, TripRecord
from bench_core.scoring import Scorer, pictures

Array = np.ndarray[Any, np.dtype[np.uint8]]

ENCODE_STAGE, DECODE_STAGE = -1, -2
"""Stage indices of a method's own draws: apart from every stage of a channel, and the same on every channel, so that
two channels see the same draws."""


@dataclass
class _Sent:
    """One image on its way: what the sender made of it."""

    carrier: Array
    exact: Any
    seconds: float
    clipped: float
    references: dict[str, Array]
    cover: Array
    facts: dict[str, Any]
    oracle: dict[str, Any]
    scorer: Scorer


@dataclass
class _Arrived:
    """One received picture with what the receiver made of it."""

    trip: TripKey
    received: Received
    degrade_s: float
    outputs: dict[str, Array]
    decode_s: float
    clipped: float


def run_slice(bench: Workbench, work: Slice, threads: Executor) -> list[TripRecord]:
    """Compute the missing cells of a few images; codecs and metrics run in `threads`, the method here."""
    records: list[TripRecord] = []
    samples: dict[str, Sample] = {}
    for image, trips in work.work.items():
        try:
            samples[image] = bench.sample(image)
        except CellFailure as failure:
            records.extend(_failed(bench, trip, cells, failure) for trip, cells in trips.items())
    sent: dict[str, _Sent] = {}
    for image, outcome in _encode(bench, samples).items():
        if isinstance(outcome, CellFailure):
            lost = work.work[image].items()
            records.extend(_failed(bench, trip, cells, outcome, samples[image]) for trip, cells in lost)
        else:
            sent[image] = outcome
    measured: list[Future[TripRecord]] = []
    for together, received in _degrade_ahead(bench, work, sent, threads):
        for trip, arrived in _decode(bench, together, received, sent):
            cells = work.work[trip.image][trip]
            if isinstance(arrived, CellFailure):
                records.append(_lost(bench, trip, cells, arrived, sent[trip.image], received[trip]))
            else:
                measured.append(threads.submit(_measure, bench, cells, sent[trip.image], arrived))
    records.extend(future.result() for future in measured)
    return records


def carriers(bench: Workbench, images: Sequence[str]) -> dict[str, Array | CellFailure]:
    """What a run sends of a few images, uint8 H×W×C, to the last bit: for whoever sends it some other way."""
    made: dict[str, Array | CellFailure] = {}
    samples: dict[str, Sample] = {}
    for image in images:
        try:
            samples[image] = bench.sample(image)
        except CellFailure as failure:
            made[image] = failure
    for image, outcome in _encode(bench, samples).items():
        made[image] = outcome if isinstance(outcome, CellFailure) else outcome.carrier
    return {image: made[image] for image in images}


def failed_slice(bench: Workbench, work: Slice, failure: CellFailure) -> list[TripRecord]:
    """Records for a slice that could not run at all."""
    return [_failed(bench, trip, cells, failure) for trips in work.work.values() for trip, cells in trips.items()]


def _encode(bench: Workbench, samples: Mapping[str, Sample]) -> dict[str, _Sent | CellFailure]:
    outcomes: dict[str, _Sent | CellFailure] = {}
    for group in _by_shape({name: _shapes(sample) for name, sample in samples.items()}):
        batch = []
        for name in group:
            rng = keyed_generator(bench.request.seed, name, ENCODE_STAGE, f"encode:{bench.model.name}", 0)
            batch.append(Sample(samples[name], (rng,)))
        for name, outcome in zip(group, _guarded(bench.model.carriers, batch), strict=True):
            outcomes[name] = outcome if isinstance(outcome, CellFailure) else _sent(bench, samples[name], *outcome)
    return outcomes


def _sent(bench: Workbench, sample: Sample, carrier: Any, seconds: float) -> _Sent | CellFailure:
    first = sample[bench.model.task.fields[0]]
    shape = (*first.shape[:2], bench.model.task.carrier_channels)
    try:
        image, clipped = checked(carrier, shape, "carrier")
    except CellFailure as failure:
        return failure
    references = {"carrier": image, **_references(sample)}
    imitated = [pair.reference for pair in bench.model.task.pairs if pair.before_channel]
    cover = references[imitated[0]] if imitated else image
    facts = {name: sample[name] for name in ("label",) if name in sample}
    scorer = Scorer(bench.pairs, bench.metrics.values(), references)
    exact = None
    if any(channel.exact for channel in bench.channels.values()):
        exact = np.asarray(carrier, np.float32) / np.float32(255 if np.asarray(carrier).dtype == np.uint8 else 1)
    return _Sent(image, exact, seconds, clipped, references, cover, facts, told_truth(bench.model, sample), scorer)


def told_truth(model: Model, sample: Sample) -> dict[str, Any]:
    """What decode is told of a sample: the fields that the method's `oracle` names, as far as there are any."""
    return {name: sample[name] for name in model.oracle if name in sample}


def _degrade_ahead(
    bench: Workbench, work: Slice, sent: Mapping[str, _Sent], threads: Executor
) -> Iterator[tuple[list[TripKey], dict[TripKey, tuple[Received, float] | CellFailure]]]:
    """Send carriers through one channel after the other, the next one's codec running while this one is decoded."""
    order: dict[tuple[str, int], list[TripKey]] = {}
    for image in sent:
        for trip in work.work[image]:
            order.setdefault((trip.degradation, trip.repeat), []).append(trip)

    def submit(trips: list[TripKey]) -> list[Future[tuple[Received, float] | CellFailure]]:
        return [
            threads.submit(_degrade, bench.channels[trip.degradation], sent[trip.image], bench.request.seed, trip)
            for trip in trips
        ]

    groups = list(order.values())
    ahead = submit(groups[0]) if groups else []
    for index, trips in enumerate(groups):
        current, ahead = ahead, submit(groups[index + 1]) if index + 1 < len(groups) else []
        yield trips, {trip: future.result() for trip, future in zip(trips, current, strict=True)}


def _degrade(channel: Channel, sent: _Sent, seed: int, trip: TripKey) -> tuple[Received, float] | CellFailure:
    start = time.perf_counter()
    try:
        received = channel.send(sent.carrier, seed, trip.image, trip.repeat, sent.cover, sent.exact)
    except CellFailure as failure:
        return failure
    except Exception as error:
        return CellFailure("capture_failed", f"degradation {channel.id}: {one_line(error)}")
    return received, time.perf_counter() - start


def _decode(
    bench: Workbench,
    trips: Sequence[TripKey],
    received: Mapping[TripKey, tuple[Received, float] | CellFailure],
    sent: Mapping[str, _Sent],
) -> Iterator[tuple[TripKey, _Arrived | CellFailure]]:
    arrived: dict[TripKey, tuple[Received, float]] = {}
    for trip in trips:
        outcome = received[trip]
        if isinstance(outcome, CellFailure):
            yield trip, outcome
        else:
            arrived[trip] = outcome
    for group in _by_shape({trip: arrived[trip][0].image.shape for trip in arrived}):
        channel = bench.channels[group[0].degradation]
        stages = tuple(Stage(stage.name, stage.values) for stage in channel.stages) if bench.model.told else None

        def decode(batch: Sequence[TripKey], stages: tuple[Stage, ...] | None = stages) -> list[dict[str, Any]]:
            rngs = tuple(
                keyed_generator(bench.request.seed, trip.image, DECODE_STAGE, f"decode:{bench.model.name}", trip.repeat)
                for trip in batch
            )
            # A copy each: a method that writes into what it got must not reach what is measured.
            received = [arrived[trip][0] for trip in batch]
            handed = [(one.image if one.exact is None else one.exact).copy() for one in received]
            oracle = tuple(sent[trip.image].oracle for trip in batch) if bench.model.oracle else ()
            return bench.model.decode_all(handed, Condition(stages, rngs, oracle))

        for trip, outcome in zip(group, _guarded(decode, group), strict=True):
            if isinstance(outcome, CellFailure):
                yield trip, outcome
                continue
            outputs, seconds = outcome
            try:
                pictures, clipped = _checked_outputs(bench, arrived[trip][0].image, outputs)
            except CellFailure as failure:
                yield trip, failure
                continue
            yield trip, _Arrived(trip, *arrived[trip], pictures, seconds, clipped)


def _checked_outputs(bench: Workbench, received: Array, outputs: Any) -> tuple[dict[str, Array], float]:
    if not isinstance(outputs, Mapping):
        raise CellFailure("bad_shape", f"decode returned {type(outputs).__name__}, not a dict of pictures")
    pictures: dict[str, Array] = {}
    clips = [0.0]
    for pair in bench.pairs:
        name = pair.output
        if name is None or name in pictures:
            continue
        if name not in outputs:
            raise CellFailure(
                "bad_shape", f"decode returned no '{name}', only: {', '.join(map(str, outputs)) or 'nothing'}"
            )
        pictures[name], clipped = checked(outputs[name], bench.model.output_shape(name, received), f"output '{name}'")
        clips.append(clipped)
    return pictures, max(clips)


def checked(picture: Any, shape: tuple[int, ...], what: str) -> tuple[Array, float]:
    """A method's picture as uint8 H×W×C, rounded here and nowhere else, with the share of samples that were clipped.

    Raises:
        CellFailure: `bad_shape` for another shape or dtype, `nan_output` where any sample is not finite.
    """
    array = np.asarray(picture)
    if array.shape != shape:
        raise CellFailure("bad_shape", f"{what} has shape {array.shape}, expected {shape}")
    if array.dtype == np.uint8:
        return array, 0.0
    if not np.issubdtype(array.dtype, np.floating):
        raise CellFailure("bad_shape", f"{what} has dtype {array.dtype}, expected uint8, or float in [0, 1]")
    try:
        return to_uint8(array), clip_fraction(array)
    except CellFailure as failure:
        raise CellFailure(failure.status, f"{what}: {failure.reason}") from None


def _measure(bench: Workbench, cells: Sequence[CellKey], sent: _Sent, arrived: _Arrived) -> TripRecord:
    record = _record(bench, arrived.trip, sent, (arrived.received, arrived.degrade_s))
    record.decode_s = arrived.decode_s
    record.details["clipped"] = max(sent.clipped, arrived.clipped)
    sources = {
        "received": arrived.received.image,
        **{f"output.{name}": value for name, value in arrived.outputs.items()},
    }
    mask = arrived.received.mask
    facts = sent.facts if mask is None else {**sent.facts, "mask": mask}
    record.scores = sent.scorer.score(cells, sources, facts)
    record.described = sent.scorer.describe(cells, sources)
    if arrived.trip.repeat == 0 and arrived.trip.image in bench.kept:
        sources.update(sent.references)
        wanted = {source for pair in bench.pairs for source in (pair.estimate, pair.reference)}
        kept = sorted(wanted & sources.keys())  # the references of some pairs are optional
        record.pictures = {role: part for name in kept for role, part in _roles(name, sources[name])}
        record.pictures |= {f"channel.{name}": picture for name, picture in arrived.received.extras.items()}
    return record


def _roles(name: str, array: Array) -> list[tuple[str, Array]]:
    parts = pictures(array)
    return [(name if len(parts) == 1 else f"{name}.{index + 1}", part) for index, part in enumerate(parts)]


def _record(
    bench: Workbench, trip: TripKey, sent: _Sent | None, received: tuple[Received, float] | CellFailure | None
) -> TripRecord:
    record = TripRecord(trip, bench.samples.digests.get(trip.image, ""))
    if bench.model.oracle:
        record.details["oracle"] = list(bench.model.oracle)
    if sent is not None:
        record.encode_s = sent.seconds
    if isinstance(received, tuple):
        record.details.update(received[0].details)
        record.degrade_s = received[1]
    return record


def _failed(
    bench: Workbench, trip: TripKey, cells: Sequence[CellKey], failure: CellFailure, sample: Sample | None = None
) -> TripRecord:
    """The record of a trip that never began: the picture cannot be read, or the method made no carrier of it."""
    record = _record(bench, trip, None, None)
    scorer = Scorer(bench.pairs, bench.metrics.values(), _references(sample or {}))
    record.scores, record.described = scorer.failed(cells, failure), scorer.undescribed(cells, failure)
    return record


def _lost(
    bench: Workbench, trip: TripKey, cells: Sequence[CellKey], failure: CellFailure, sent: _Sent, received: Any
) -> TripRecord:
    """The record of a trip that failed on the way."""
    record = _record(bench, trip, sent, received)
    record.scores, record.described = sent.scorer.failed(cells, failure), sent.scorer.undescribed(cells, failure)
    return record


def _references(sample: Mapping[str, Any]) -> dict[str, Array]:
    return {f"sample.{name}": value for name, value in sample.items() if isinstance(value, np.ndarray)}


def _guarded(call: Callable[[Any], Sequence[Any]], batch: Sequence[Any]) -> list[tuple[Any, float] | CellFailure]:
    """Call a method on a batch; where that fails, on each picture alone, so that one bad picture costs only itself."""
    start = time.perf_counter()
    try:
        results = list(call(batch))
        if len(results) != len(batch):
            raise CellFailure("bad_shape", f"{len(results)} results for {len(batch)} pictures")
        seconds = (time.perf_counter() - start) / len(batch)
        return [(result, seconds) for result in results]
    except Exception as error:
        if len(batch) > 1:
            return [outcome for one in batch for outcome in _guarded(call, [one])]
        return [as_failure(error)]


def _shapes(sample: Sample) -> tuple[Any, ...]:
    return tuple((name, value.shape) for name, value in sorted(sample.items()) if isinstance(value, np.ndarray))


def _by_shape(shapes: Mapping[Any, Any]) -> list[list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for name, shape in shapes.items():
        groups.setdefault(shape, []).append(name)
    return list(groups.values())
