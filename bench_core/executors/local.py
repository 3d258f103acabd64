"""Running slices on this machine: in this process, or in a pool of worker processes.

Either way the coordinator gets records back in the order of the slices and is the only one who writes.
"""

import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bench_core.errors import BenchError, CellFailure
from bench_core.plan import Request, Slice, Workbench
from bench_core.records import TripRecord
from bench_core.runner import failed_slice, run_slice

CODEC_THREADS = max(2, min(8, os.cpu_count() or 1))
"""Codecs and OpenCV release the GIL; more threads than this only wait for each other."""


def execute(bench: Workbench, slices: Sequence[Slice], workers: int) -> Iterator[list[TripRecord]]:
    """Run the slices, in one process or several; the rows are the same."""
    if workers <= 1 or len(slices) <= 1:
        yield from _here(bench, slices)
    else:
        yield from _pool(bench, slices, min(workers, len(slices)))


def _here(bench: Workbench, slices: Sequence[Slice]) -> Iterator[list[TripRecord]]:
    with ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec") as threads:
        for work in slices:
            yield run_slice(bench, work, threads)


_worker: tuple[Workbench, ThreadPoolExecutor] | None = None
"""What a worker process built once and uses for all its slices."""


def _start_worker(request: Request, workers: int) -> None:
    global _worker
    cores = max(1, (os.cpu_count() or 1) // workers)
    logging.getLogger("bench").setLevel(logging.ERROR)  # the coordinator has said all that there is to warn of
    os.environ["OMP_NUM_THREADS"] = str(cores)  # read by torch when the method imports it, below
    _worker = (Workbench.build(request), ThreadPoolExecutor(max(1, cores), thread_name_prefix="codec"))


def _work(work: Slice) -> list[TripRecord]:
    if _worker is None:
        raise BenchError("a worker process was given work before it was set up")
    bench, threads = _worker
    return run_slice(bench, work, threads)


def _pool(bench: Workbench, slices: Sequence[Slice], workers: int) -> Iterator[list[TripRecord]]:
    # spawn: forking a process that has started torch's threads can deadlock.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(bench.request, workers)) as pool:
        futures: list[Future[list[TripRecord]]] = [pool.submit(_work, work) for work in slices]
        try:
            for work, future in zip(slices, futures, strict=True):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    # Killed from outside, most often for memory; which slice did it cannot be told.
                    yield failed_slice(bench, work, CellFailure("oom", "the worker process died"))
        finally:
            for future in futures:
                future.cancel()
