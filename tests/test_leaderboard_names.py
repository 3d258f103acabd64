"""The pages know every installed degradation, and its defaults as they are."""

import pytest

from bench_core.params import format_value
from bench_core.plugins import registry
from bench_leaderboard.degradation_names import KNOWN
from bench_leaderboard.degradations import label

NAMES = [entry.name for entry in registry().degradations if not entry.is_group and not entry.name.endswith(":")]


@pytest.mark.parametrize("name", NAMES)
def test_labels_leave_out_what_nobody_asked_for(name):
    params = {param.name: param for param in registry().degradations.load(name).params}
    known = KNOWN[name]
    assert not known.main or known.main in params
    assert (
        known.usual.items()
        <= {key: format_value(param.default) for key, param in params.items() if not param.required}.items()
    )
    optional = {key for key, param in params.items() if not param.required}
    assert optional - {known.main} == set(known.usual) - {known.main}


@pytest.mark.parametrize(
    ("degradation", "expected"),
    [
        ("print-capture:colour=none,halftone=am,jitter=0,reg=known,save=0,severity=3", "print 3"),
        ("screen-capture:colour=card,jitter=0,moire=emergent,reg=known,save=0,severity=1", "screen 1 colour=card"),
        ("double-jpeg:dx=3,dy=0,q1=80,q2=60,side=none,ss=420", "double JPEG dx=3 q1=80 q2=60"),
        ("float+gaussian:gray=0,sigma=10", "float container + Gaussian 10"),
        ("capture:run=1a2b", "photographed run=1a2b"),
    ],
)  # fmt: skip
def test_labels_of_channels(degradation, expected):
    assert label(degradation) == expected
