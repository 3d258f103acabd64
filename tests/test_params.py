import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.errors import RequestError
from bench_core.params import NUMBER, Param, advice, complete, format_value, resolve

QUALITY = Param("q", int, 1, 100, label="quality", example="jpeg:40")
MODE = Param("ss", str, choices=("420", "444"), default="420")
SIGMA = Param("sigma", float, 0, 255, also=(("sigma01", 255),), advise=lambda v: f"{v:g} is small" if v < 0.5 else None)
FLAG = Param("gray", bool, default=False)
SEED = Param("seed", int, default=0)


def problems(function, *args):
    with pytest.raises(RequestError) as caught:
        function(*args)
    assert caught.value.exit_code == 2
    return caught.value.problems


@pytest.mark.parametrize(
    ("param", "text", "value"),
    [
        (QUALITY, "40", 40),
        (QUALITY, " 40.0 ", 40),
        (QUALITY, "1e2", 100),
        (MODE, "444", "444"),
        (SIGMA, "10", 10.0),
        (SIGMA, ".5", 0.5),
        (SIGMA, "-0", 0.0),
        (FLAG, "TRUE", True),
        (FLAG, "0", False),
        (SEED, "123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_values_are_read(param, text, value):
    read = param.parse(text)
    assert read == value
    assert type(read) is type(value)
    assert math.copysign(1, read) == 1 if isinstance(read, float) else True


@pytest.mark.parametrize(
    "text", ["0", "101", "40.5", "x", "", "nan", "inf", "4_0", "٤٠", "1e400", "0x10", "1e9999999999", "--4", "4 0"]
)
def test_bad_integers_give_the_rule(text):
    assert problems(QUALITY.parse, text) == ("quality must be an integer from 1 to 100",)


@pytest.mark.parametrize("text", ["-1", "256", "1e999", "nan", "ten"])
def test_bad_numbers_give_the_rule(text):
    assert problems(SIGMA.parse, text) == ("sigma must be a number from 0 to 255",)


def test_other_rules():
    assert problems(MODE.parse, "411") == ("ss must be one of 420, 444",)
    assert problems(FLAG.parse, "yes") == ("gray must be 0 or 1",)
    assert problems(Param("n", int, 1).parse, "0") == ("n must be an integer >= 1",)
    assert problems(Param("n", int, high=1).parse, "2") == ("n must be an integer <= 1",)
    assert problems(SEED.parse, "a") == ("seed must be an integer",)
    assert problems(Param("n", int, rule="n is wrong").parse, "a") == ("n is wrong",)


def test_decimals():
    param = Param("q", float, 0, 100, decimals=1)
    assert [param.parse(text) for text in ("80.1", "0.3", "80")] == [80.1, 0.3, 80.0]
    problems(param.parse, "80.15")


def test_describe():
    assert [param.describe() for param in (QUALITY, MODE, SIGMA, FLAG, SEED)] == [
        "integer 1..100",
        "420|444",
        "number 0..255",
        "0 or 1",
        "integer",
    ]


def test_explain_speaks_for_the_main_key_only():
    param = Param("x", float, 0, 1, explain=lambda text: "better" if text == "2" else None, also=(("y", 10),))
    assert problems(param.parse, "2") == ("better",)
    assert problems(param.parse, "3") == ("x must be a number from 0 to 1",)
    assert problems(param.parse, "2", "y") == ("x must be a number from 0 to 1",)


def test_another_scale_is_exact():
    assert SIGMA.parse("0.04", "sigma01") == 10.2
    assert resolve((SIGMA,), {"sigma01": "0.1"}, "gaussian") == {"sigma": 25.5}
    assert problems(resolve, (SIGMA,), {"sigma01": "0.1", "sigma": "3"}, "gaussian") == (
        "parameter sigma given twice (sigma and sigma01 are the same)",
    )


def test_resolve_fills_and_orders():
    values = resolve((QUALITY, MODE, FLAG), {"gray": "1", "q": "40"}, "jpeg")
    assert list(values.items()) == [("q", 40), ("ss", "420"), ("gray", True)]
    assert resolve((Param("weights", str, default=None),), {}, "x") == {"weights": None}


def test_resolve_collects_every_mistake():
    assert problems(resolve, (QUALITY, MODE), {"foo": "1", "ss": "9"}, "jpeg") == (
        "unknown parameter 'foo' for jpeg; known: q, ss",
        "ss must be one of 420, 444",
        "quality is required, e.g. jpeg:40 (integer 1..100)",
    )
    assert problems(resolve, (), {"a": "1"}, "identity") == ("unknown parameter 'a' for identity; known: none",)


def test_complete_checks_python_values():
    assert complete((QUALITY, SIGMA), {"q": 3, "sigma": 2}, "x") == {"q": 3, "sigma": 2.0}
    for wrong in (True, "40", 40.0, 0):
        assert problems(complete, (QUALITY,), {"q": wrong}, "jpeg") == ("quality must be an integer from 1 to 100",)
    assert problems(complete, (QUALITY,), {"z": 1}, "jpeg") == (
        "unknown parameter 'z' for jpeg; known: q",
        "quality is required, e.g. jpeg:40 (integer 1..100)",
    )


def test_advice_is_for_the_plain_key():
    assert advice((SIGMA, FLAG), {"sigma": "0.1"}) == ["0.1 is small"]
    assert advice((SIGMA,), {"sigma": "1"}) == []
    assert advice((SIGMA,), {"sigma01": "0.001"}) == []


@given(st.floats(0, 255) | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False))
def test_format_value_round_trips_without_exponent(number):
    text = format_value(number)
    assert NUMBER.fullmatch(text)
    assert "e" not in text
    assert "+" not in text
    assert type(number)(Decimal(text)) == number


def test_format_value_of_the_rest():
    assert [format_value(value) for value in (True, False, "420", 10.0, 0.00001)] == ["1", "0", "420", "10", "0.00001"]


@given(st.text(max_size=12))
def test_parse_never_fails_otherwise(text):
    for param in (QUALITY, MODE, SIGMA, FLAG):
        try:
            value = param.parse(text)
        except RequestError:
            continue
        assert param.parse(format_value(value)) == value
