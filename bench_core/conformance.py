"""Does a method keep the rules? What `bench plugin check` runs.

The rule that matters most is that nothing but the received picture reaches the receiver. So carriers are decoded
again in another order, alone, and by a fresh object in another process, which has never seen a sample.
"""

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench_core.errors import CellFailure, one_line
from bench_core.images import digest
from bench_core.model import Condition, Model, Sample, Stage
from bench_core.params import Param
from bench_core.plan import Request, Workbench
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.runner import DECODE_STAGE, ENCODE_STAGE, checked, told_truth
from bench_core.task import TASKS

Array = np.ndarray[Any, np.dtype[np.uint8]]

HEAVY = ("torch", "numpy", "pandas", "PIL", "cv2", "pyiqa", "torchvision", "scipy", "skimage", "sklearn")
"""What a plugin's hooks must not import: `bench --help` would import it too."""


@dataclass(frozen=True)
class Check:
    """One rule, and whether the method keeps it."""

    rule: str
    passed: bool
    detail: str = ""


class Broken(Exception):
    """A rule is broken; the message says how."""


def check_model(request: Request) -> Iterator[Check]:
    """Check the method of `request` on its pictures, rule by rule.

    Raises:
        RequestError: the request itself is wrong, or the method cannot be set up.
    """
    yield _outcome("its hooks import nothing heavy", lambda: _light(request.plugin))
    bench = Workbench.build(request)
    yield _outcome("it declares what it is", lambda: _declared(bench.model))
    carriers: list[Array] = []
    yield (encodes := _outcome("it makes a carrier of every sample", lambda: carriers.extend(_encode(bench))))
    if not encodes.passed:
        return
    reference: list[dict[str, Array]] = []
    yield (decodes := _outcome("it decodes what arrives", lambda: reference.extend(_decode(bench, carriers))))
    if not decodes.passed:
        return
    yield _outcome("encoding again gives the same carriers", lambda: _same_carriers(carriers, _encode(bench)))
    yield _outcome("decoding again gives the same pictures", lambda: _same(reference, _decode(bench, carriers)))
    yield _outcome("another order changes nothing", lambda: _reversed(bench, carriers, reference))
    yield _outcome("a batch of one changes nothing", lambda: _alone(bench, carriers, reference))
    yield _outcome("a fresh object in another process decodes alike", lambda: _elsewhere(bench, carriers, reference))
    yield _outcome("it draws only if it says so", lambda: _draws(bench, carriers, reference))
    yield _outcome("it takes odd sizes, or says that it does not", lambda: _odd(request))


def _outcome(rule: str, action: Callable[[], object]) -> Check:
    try:
        action()
    except Broken as broken:
        return Check(rule, False, str(broken))
    except Exception as error:
        return Check(rule, False, one_line(error))
    return Check(rule, True)


def _light(name: str) -> None:
    entry = registry().models.get(name)
    module = next(info.module for info in registry().infos if info.name == entry.plugin)
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)  # noqa: S603
    if done.returncode:
        raise Broken(f"importing {module} fails: {done.stderr.strip().splitlines()[-1]}")
    if found := done.stdout.split():
        raise Broken(f"importing {module} imports {', '.join(found)}; register an import string instead")


def _declared(model: Model) -> None:
    if model.task not in TASKS.values():
        raise Broken(f"task is {model.task!r}, not one of {', '.join(TASKS)}")
    unknown = set(model.returned()) - set(model.task.outputs)
    if unknown:
        raise Broken(f"outputs {sorted(unknown)} are not of {model.task.name}: {', '.join(model.task.outputs)}")
    if strange := set(model.oracle) - set(model.task.optional):
        raise Broken(
            f"oracle {sorted(strange)} are no optional fields of {model.task.name}: {', '.join(model.task.optional)}"
        )
    if not all(isinstance(param, Param) for param in model.params):
        raise Broken("params must be a tuple of Param")
    if not (type(model).__doc__ or "").strip():
        raise Broken("the class has no docstring; say what the method is, and cite its source")


def _samples(bench: Workbench) -> list[Sample]:
    return [
        Sample(bench.samples[image], (keyed_generator(0, image, ENCODE_STAGE, "check", 0),))
        for image in bench.samples.ids
    ]


def _encode(bench: Workbench) -> list[Array]:
    samples = _samples(bench)
    carriers = bench.model.carriers(samples)
    if len(carriers) != len(samples):
        raise Broken(f"{len(carriers)} carriers for {len(samples)} samples")
    shapes = [sample[bench.model.task.fields[0]].shape[:2] for sample in samples]
    channels = bench.model.task.carrier_channels
    return [checked(carrier, (*shape, channels), "carrier")[0] for carrier, shape in zip(carriers, shapes, strict=True)]


def _condition(bench: Workbench, images: Sequence[str], seed: int = 0) -> Condition:
    rngs = tuple(keyed_generator(seed, image, DECODE_STAGE, "check", 0) for image in images)
    channel = next(iter(bench.channels.values()))
    stages = tuple(Stage(stage.name, stage.values) for stage in channel.stages) if bench.model.told else None
    oracle = tuple(told_truth(bench.model, bench.samples[image]) for image in images) if bench.model.oracle else ()
    return Condition(stages, rngs, oracle)


def _decode(
    bench: Workbench, carriers: Sequence[Array], images: Sequence[str] | None = None, seed: int = 0
) -> list[dict[str, Array]]:
    names = bench.samples.ids if images is None else images
    found = bench.model.decode_all([carrier.copy() for carrier in carriers], _condition(bench, names, seed))
    if len(found) != len(carriers):
        raise Broken(f"{len(found)} results for {len(carriers)} pictures")
    pictures = []
    for outputs, carrier in zip(found, carriers, strict=True):
        if missing := set(bench.model.returned()) - set(outputs):
            raise Broken(f"decode returned no {', '.join(sorted(missing))}; declare `outputs` if it never does")
        pictures.append(
            {
                name: checked(outputs[name], bench.model.output_shape(name, carrier), f"output '{name}'")[0]
                for name in bench.model.returned()
            }
        )
    return pictures


def _same(reference: Sequence[dict[str, Array]], found: Sequence[dict[str, Array]], why: str = "") -> None:
    for index, (before, after) in enumerate(zip(reference, found, strict=True)):
        for name, picture in before.items():
            if not np.array_equal(picture, after[name]):
                share = float((picture != after[name]).mean())
                raise Broken(f"'{name}' of picture {index} differs in {100 * share:.2g} % of its samples{why}")


def _same_carriers(before: Sequence[Array], after: Sequence[Array]) -> None:
    _same([{"carrier": carrier} for carrier in before], [{"carrier": carrier} for carrier in after])


def _reversed(bench: Workbench, carriers: Sequence[Array], reference: Sequence[dict[str, Array]]) -> None:
    found = _decode(bench, carriers[::-1], bench.samples.ids[::-1])
    _same(reference, found[::-1], "; does the object remember what it encoded or decoded last?")


def _alone(bench: Workbench, carriers: Sequence[Array], reference: Sequence[dict[str, Array]]) -> None:
    found = [_decode(bench, [carrier], [image])[0] for carrier, image in zip(carriers, bench.samples.ids, strict=True)]
    _same(reference, found)


def _elsewhere(bench: Workbench, carriers: Sequence[Array], reference: Sequence[dict[str, Array]]) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(_digests_elsewhere, bench.request, list(carriers)).result()
    for index, (before, after) in enumerate(zip(reference, found, strict=True)):
        for name, picture in before.items():
            if digest(picture) != after[name]:
                raise Broken(
                    f"'{name}' of picture {index} differs: something other than the received picture reaches decode"
                )


def _digests_elsewhere(request: Request, carriers: list[Array]) -> list[dict[str, str]]:
    outputs = _decode(Workbench.build(request), carriers)
    return [{name: digest(picture) for name, picture in pictures.items()} for pictures in outputs]


def _draws(bench: Workbench, carriers: Sequence[Array], reference: Sequence[dict[str, Array]]) -> None:
    if not bench.model.stochastic:
        _same(reference, _decode(bench, carriers, seed=1), "with other generators; set `stochastic = True`")


def _odd(request: Request) -> None:
    odd = Workbench.build(replace(request, size="67x45"))
    try:
        _decode(odd, _encode(odd))
    except CellFailure as failure:
        if failure.status != "skipped_unsupported":
            raise Broken(f"67×45: {failure.reason}") from None
