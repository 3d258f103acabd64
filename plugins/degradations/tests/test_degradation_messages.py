"""Every message and note about the built-in degradations, word for word."""

import logging

import pytest

from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry


def ids(*specs):
    return [channel.id for channel in parse_channels(specs, registry().degradations, presets={})]


FRACTION = "quality must be an integer (JPEG has no fractional quality)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jpeg", "quality is required, e.g. jpeg:40 (integer 1..100)"),
        ("jpeg:0", "quality must be an integer from 1 to 100"),
        ("jpeg:101", "quality must be an integer from 1 to 100"),
        ("jpeg:-1", "quality must be an integer from 1 to 100"),
        ("jpeg:high", "quality must be an integer from 1 to 100"),
        ("jpeg:nan", "quality must be an integer from 1 to 100"),
        ("jpeg:40.5", FRACTION),
        ("jpeg:0.4", FRACTION + "; did you mean jpeg:40?"),
        ("jpeg:0.001", FRACTION),
        ("jpeg:40,ss=411", "ss (chroma subsampling) must be one of 420, 422, 444"),
        ("jpeg:90..50:5", "empty range 90..50 with step 5; write 50..90:5 or 90..50:-5"),
        ("jpeg:50..95:0", "step must not be 0"),
        ("jpeg:40++webp:80", "empty stage at position 2"),
        ("jpeg:q=40,q=50", "parameter q given twice"),
        ("jpeg:40,foo=1", "unknown parameter 'foo' for jpeg; known: q, ss"),
        ("jpeg:1..100+gaussian:1/2/3", "sweep expands to 300 points (limit 200); reduce it or pass --max-points 300"),
        (
            "jpeg:10..90:10+gaussian:1..40:1",
            "sweep expands to 360 points (limit 200); reduce it or pass --max-points 400",
        ),
        ("webp", "quality is required, e.g. webp:80 (number 0..100)"),
        ("webp:101", "quality must be a number from 0 to 100 with at most one decimal"),
        ("webp:80.25", "quality must be a number from 0 to 100 with at most one decimal"),
        ("webp:80,method=7", "method must be an integer from 0 to 6"),
        ("webp-lossless:3", "webp-lossless takes no parameters"),
        ("identity:3", "identity takes no parameters"),
        ("quantise:9", "bits must be an integer from 1 to 8"),
        ("gaussian", "sigma is required, e.g. gaussian:10 (number 0..255)"),
        ("gaussian:-1", "sigma must be >= 0 on the 0..255 scale"),
        ("gaussian:256", "sigma must be a number from 0 to 255 (sigma01: from 0 to 1)"),
        ("gaussian:sigma01=2", "sigma must be a number from 0 to 255 (sigma01: from 0 to 1)"),
        ("gaussian:1..10", "a range of sigma needs a step, e.g. 1..10:1"),
        ("gaussian:10,gray=2", "gray must be 0 or 1"),
        ("gaussian:10,clip=0", "unknown parameter 'clip' for gaussian; known: sigma, sigma01, gray"),
        ("poisson:0", "peak must be between 1 and 1000000 photons at white"),
        ("poisson:1000001", "peak must be between 1 and 1000000 photons at white"),
    ],
)
def test_messages(spec, message):
    with pytest.raises(RequestError) as caught:
        ids(spec)
    assert caught.value.problems == (f"--degrade {spec}: {message}",)
    assert caught.value.exit_code == 2


def test_an_unknown_name_shows_near_ones_and_all():
    with pytest.raises(RequestError) as caught:
        ids("jpg:40")
    known = ", ".join(registry().degradations.names())
    assert caught.value.problems == (f"--degrade: unknown degradation 'jpg'. Did you mean 'jpeg'? Known: {known}",)


def test_notes(caplog):
    with caplog.at_level(logging.WARNING, "bench"):
        assert ids("gaussian:0.04") == ["gaussian:gray=0,sigma=0.04"]
        ids("jpeg:50..93:5", "webp:0.8", "gaussian:sigma01=0.001", "gaussian:0", "gaussian:0.5")
    assert caplog.messages == [
        "--degrade gaussian:0.04: sigma 0.04 is on the 0..255 scale (invisible); "
        "for sigma on 0..1 write gaussian:sigma01=0.04",
        "--degrade jpeg:50..93:5 ends at 90",
        "--degrade webp:0.8: quality 0.8 is on the 0..100 scale; for 80% write webp:80",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("identity", "identity"),
        ("clean", "identity"),
        ("none", "identity"),
        ("quantise", "quantise:bits=8"),
        ("jpeg:40", "jpeg:q=40,ss=420"),
        ("jpeg:ss=444,90", "jpeg:q=90,ss=444"),
        ("webp:80", "webp:method=4,q=80"),
        ("webp:80.5,method=6", "webp:method=6,q=80.5"),
        ("webp-lossless", "webp-lossless"),
        ("gaussian:10", "gaussian:gray=0,sigma=10"),
        ("gaussian:sigma01=0.04,gray=1", "gaussian:gray=1,sigma=10.2"),
        ("poisson", "poisson:gray=0,peak=255"),
        ("poisson:1e6", "poisson:gray=0,peak=1000000"),
        ("gaussian:10+jpeg:80", "gaussian:gray=0,sigma=10+jpeg:q=80,ss=420"),
    ],
)
def test_canonical_ids(spec, expected):
    assert ids(spec) == [expected]
    assert ids(expected) == [expected]


def jpegs(*qualities):
    return [f"jpeg:q={quality},ss=420" for quality in qualities]


def gaussians(*sigmas):
    return [f"gaussian:gray=0,sigma={sigma}" for sigma in sigmas]


def test_presets():
    riis = ["identity", *gaussians(1, 10), "poisson:gray=0,peak=255", *jpegs(40, 80, 90)]
    assert ids("@riis") == riis
    assert ids("@riis-alt") == [spec.replace("peak=255", "peak=6000") for spec in riis]
    assert ids("@riis-curves") == [*gaussians(*range(1, 11)), *jpegs(*range(40, 91, 10))]
    webps = [f"webp:method=4,q={quality}" for quality in range(75, 101, 5)]
    assert ids("@jrig") == [*jpegs(*range(75, 101, 5)), *webps]
    assert [entry.name for entry in registry().degradations if entry.plugin == "degradations" and entry.is_group] == [
        "@jrig",
        "@riis",
        "@riis-alt",
        "@riis-curves",
    ]
