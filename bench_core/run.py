"""One run from request to rows: plan, execute, write. The command line and Python users start here."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench_core.executors.local import execute
from bench_core.plan import Request, Workbench, make_plan
from bench_core.provenance import collect
from bench_core.records import TripRecord
from bench_core.store.database import Database
from bench_core.store.queries import known_cells
from bench_core.store.writer import RunWriter
from bench_core.whole_sets import WholeSets


@dataclass(frozen=True)
class Outcome:
    """What a run did: cells computed now, cells that were there already, cells that failed."""

    run_id: str
    computed: int
    reused: int
    failed: int
    seconds: float


def run(
    request: Request | Workbench,
    database: Database,
    *,
    batch_size: int = 4,
    workers: int = 1,
    command: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Compute the missing cells of `request` and store them, a slice at a time.

    `progress(done, total)` is called with counts of cells as slices are written.

    Raises:
        RequestError: the request is wrong; nothing was written.
    """
    start = time.perf_counter()
    bench = request if isinstance(request, Workbench) else Workbench.build(request)
    identity = bench.identity()
    plan = make_plan(bench, known_cells(database, identity.model.digest, identity.seed, bench.digests), batch_size)
    provenance = {**collect(bench.model.device), "channels": bench.channel_provenance()}
    writer = RunWriter(database, identity, command or " ".join(sys.argv), provenance)
    writer.link(plan.reused.values())
    computed = failed = 0
    complete = False
    sets = WholeSets(bench, plan.sets)

    def finished() -> Iterator[list[TripRecord]]:
        for records in execute(bench, plan.slices, workers):
            sets.add(records)
            yield records
        if plan.sets:
            yield sets.records()

    try:
        progress(len(plan.reused), plan.total)
        for records in finished():
            writer.write(records)
            computed += sum(len(record.scores) for record in records)
            failed += sum(score.status != "ok" for record in records for score in record.scores)
            progress(len(plan.reused) + computed, plan.total)
        complete = True
    finally:
        writer.finish(computed=computed, reused=len(plan.reused), failed=failed, done=complete)
    return Outcome(identity.id, computed, len(plan.reused), failed, time.perf_counter() - start)
