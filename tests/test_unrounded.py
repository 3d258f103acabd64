"""Containers that are handed on unrounded, for figures that were made so."""

import numpy as np
import pytest

from bench_core.degradation import Channel
from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.plan import Request, Workbench
from bench_core.run import run
from bench_core.store.queries import long_rows, run_executions
from bench_core.torch_model import to_tensor
from bench_core.unrounded import FloatContainer

pytestmark = pytest.mark.usefixtures("trips_testbed")


def asked(plugin="exactly", **given):
    return Request(plugin, **{"dataset": "tiny", "metrics": ("mean-error",), **given})


def test_the_receiver_is_handed_what_the_sender_made_and_metrics_see_it_rounded(database, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("TESTBED_LOG", str(log))
    outcome = run(asked(degrade=("plain", "float", "float+hiss"), limit=1), database)
    rows = {(row.degradation, row.pair): row for row in long_rows(database, [outcome.run_id])}
    low = int(Workbench.build(asked(degrade=("plain",))).samples["p0"]["host"].min())
    handed = log.read_text().splitlines()
    assert f"uint8 {low:.4f}" in handed
    assert f"float32 {(low + 0.3) / 255:.4f}" in handed
    assert f"float32 {(low + 0.55) / 255:.4f}" in handed
    assert rows["plain", "host"].value == rows["float", "host"].value == 0  # 0.3 of a level is rounded away
    assert 0.9 < rows["float+hiss", "host"].value <= 1  # 0.55 is not, but where a sample is 255
    assert rows["float", "channel"].value == 0
    assert rows["float", "host"].trip["container"] == rows["float+hiss", "host"].trip["container"] == "float"
    assert "container" not in rows["plain", "host"].trip
    assert run_executions(database, outcome.run_id)[0]["provenance"]["channels"] == {"container": "float"}


def test_the_option_puts_it_before_every_channel():
    bench = Workbench.build(asked(degrade=("hiss", "float+hiss", "float"), container="float"))
    assert list(bench.channels) == ["float+hiss", "float"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"plugin": "keep", "degrade": ("float",)}, "--degrade float: keep decodes 8-bit pictures only"),
        (
            {"plugin": "keep", "degrade": ("hiss",), "container": "float"},
            "--container float: keep decodes 8-bit pictures only",
        ),
        ({"degrade": ("hiss+float",)}, "--degrade hiss.float: float stands first"),
        ({"degrade": ("float+shift:5",)}, "--degrade float.shift:5: shift works on 8-bit pictures"),
        ({"degrade": ("shift:5",), "container": "float"}, "--container float: shift works on 8-bit pictures"),
    ],
)
def test_what_rounds_cannot_stand_behind_it(given, message):
    with pytest.raises(RequestError, match=message):
        Workbench.build(asked(**given))


def test_a_picture_of_8_bits_stays_what_it_is(trips_testbed):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    (channel,) = parse_channels(["float"], trips_testbed.degradations)
    received = channel.send(image, 0, "a")
    assert np.array_equal(received.image, image)
    assert np.array_equal(np.rint(received.exact * 255), image)
    assert Channel((FloatContainer(),)).exact


def test_tensors_are_made_of_both():
    image = np.full((2, 2, 3), 51, np.uint8)
    assert to_tensor([image]).unique().tolist() == pytest.approx([0.2])
    assert to_tensor([np.full((2, 2, 3), 0.2001, np.float32)]).unique().tolist() == pytest.approx([0.2001])
