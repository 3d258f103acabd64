import logging
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.degradation import Channel, Degradation, Received
from bench_core.errors import CellFailure, RequestError
from bench_core.grammar import parse_channels
from bench_core.params import Param
from bench_core.plugins import Entry, Registry
from bench_core.presets import user_presets


class Shift(Degradation):
    name = "shift"
    stochastic = True
    params = (
        Param("by", int, 0, 100, label="amount", example="shift:5"),
        Param(
            "gain", float, 0, 10, default=1.0, also=(("percent", 10),), advise=lambda v: "tiny" if 0 < v < 0.1 else None
        ),
        Param("mode", str, choices=("wrap", "clip"), default="wrap"),
    )

    def setup(self):
        if self.values["by"] == 13 and self.values["mode"] == "clip":
            raise RequestError("13 cannot be clipped")

    def apply(self, image, rng):
        noise = rng.integers(0, 3, image.shape, dtype=np.uint8)
        return Received(image + noise + np.uint8(self.values["by"]), {"by": self.values["by"]})


class Plain(Degradation):
    name = "plain"

    def apply(self, image, rng):
        return Received(image.copy())


class Broken(Degradation):
    name = "broken"
    params = (Param("how", str, choices=("dtype", "channels", "flat"), default="dtype"),)

    def apply(self, image, rng):
        wrong = {"dtype": image.astype(float), "channels": image[..., :1], "flat": image[..., 0]}
        return Received(wrong[self.values["how"]])


@pytest.fixture(scope="module")
def names():
    registry = Registry("degradations")
    for cls in (Shift, Plain, Broken):
        registry.add(
            Entry("degradations", cls.name, f"{__name__}:{cls.__name__}", "test", aliases=(f"{cls.name}-alias",))
        )
    registry.add(Entry("degradations", "@both", ("plain", "shift:1/2"), "test"))
    registry.load = lambda name: {"shift": Shift, "plain": Plain, "broken": Broken}[registry.get(name).name]
    return registry


def ids(names, *specs, **options):
    return [channel.id for channel in parse_channels(specs, names, **{"presets": {}, **options})]


def problems(names, *specs, **options):
    with pytest.raises(RequestError) as caught:
        ids(names, *specs, **options)
    return caught.value.problems


@pytest.mark.parametrize("spec", ["album:", "album:photos/roll-1", "album", "album:folder=roll"])
def test_photographed_carriers_have_an_option_of_their_own(spec):
    registry = Registry("degradations")
    registry.add(Entry("degradations", "album:", f"{__name__}:Plain", "test"))
    where = "'album:' is not written here; bench run takes photographed carriers by --captured DIR"
    assert problems(registry, spec) == (f"--degrade {spec}: {where}",)


def shift(by, gain=1, mode="wrap"):
    return f"shift:by={by},gain={gain},mode={mode}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("plain", ["plain"]),
        ("plain-alias", ["plain"]),
        (" shift : 5 , gain = 2 + plain ", [shift(5, 2) + "+plain"]),
        ("shift:by=5", [shift(5)]),
        ("shift:gain=2,5", [shift(5, 2)]),
        ("shift:5,percent=0.07", [shift(5, 0.7)]),
        ("shift:5/7/5", [shift(5), shift(7)]),
        ("shift: 5 / 7 ", [shift(5), shift(7)]),
        ("shift:5,mode=wrap/clip", [shift(5), shift(5, mode="clip")]),
        ("shift:1..3", [shift(1), shift(2), shift(3)]),
        ("shift:50..95:15", [shift(50), shift(65), shift(80), shift(95)]),
        ("shift:10..0:-5", [shift(10), shift(5), shift(0)]),
        ("shift: 1 .. 5 : 4 ", [shift(1), shift(5)]),
        ("shift:7..7", [shift(7)]),
        ("shift:1,gain=0.1..0.3:0.1", [shift(1, 0.1), shift(1, 0.2), shift(1, 0.3)]),
        ("shift:1/2,gain=1/2", [shift(1, 1), shift(1, 2), shift(2, 1), shift(2, 2)]),
        ("shift:1/2+shift:3/4", [f"{shift(a)}+{shift(b)}" for a in (1, 2) for b in (3, 4)]),
        ("plain+plain", ["plain+plain"]),
        ("@both", ["plain", shift(1), shift(2)]),
    ],
)
def test_what_specs_stand_for(names, spec, expected):
    assert ids(names, spec) == expected


def test_order_is_kept_and_duplicates_go(names):
    assert ids(names, "shift:2", "@both", "shift:1..3", "plain") == [shift(2), "plain", shift(1), shift(3)]


def test_nothing_asked_for(names):
    assert ids(names) == []


def test_zip(names):
    assert ids(names, "shift:1/2+plain+shift:3..4,gain=5", sweep="zip") == [
        f"{shift(1)}+plain+{shift(3, 5)}",
        f"{shift(2)}+plain+{shift(4, 5)}",
    ]
    assert ids(names, "plain", sweep="zip") == ["plain"]
    assert problems(names, "shift:1/2+shift:1/2/3", sweep="zip") == (
        "--degrade shift:1/2+shift:1/2/3: --sweep zip pairs lists of equal length; these have 2 and 3 values",
    )
    assert problems(names, "plain", sweep="both") == ("--sweep must be one of product, zip, not 'both'",)


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        ("", ["--degrade '': empty stage at position 1"]),
        ("plain++plain", ["--degrade plain++plain: empty stage at position 2"]),
        ("plain+", ["--degrade plain+: empty stage at position 2"]),
        ("plain +\n\tplan", ["--degrade: unknown degradation 'plan'. Did you mean 'plain'? "
                             "Known: @both, broken, plain, shift"]),
        ("shift\n:x", ["--degrade shift :x: amount must be an integer from 0 to 100"]),
        (":5", ["--degrade :5: a stage begins with a name, e.g. jpeg:40"]),
        ("shif:5", ["--degrade: unknown degradation 'shif'. Did you mean 'shift'? "
                    "Known: @both, broken, plain, shift"]),
        ("SHIFT:5", ["--degrade: unknown degradation 'SHIFT'. Known: @both, broken, plain, shift"]),
        ("@noth", ["--degrade: unknown preset '@noth'; known: @both"]),
        ("@both+plain", ["--degrade @both+plain: a preset stands alone, not in a chain"]),
        ("plain+@both", ["--degrade plain+@both: preset '@both' stands alone, not in a chain"]),
        ("(plain)", ["--degrade (plain): parentheses have no meaning yet; write stages one after another, "
                     "e.g. jpeg:80+webp:80"]),
        ("plain:3", ["--degrade plain:3: plain takes no parameters"]),
        ("shift", ["--degrade shift: amount is required, e.g. shift:5 (integer 0..100)"]),
        ("shift:", ["--degrade shift:: empty parameter; write KEY=value between commas",
                    "--degrade shift:: amount is required, e.g. shift:5 (integer 0..100)"]),
        ("shift:5,", ["--degrade shift:5,: empty parameter; write KEY=value between commas"]),
        ("shift:=5,1", ["--degrade shift:=5,1: empty parameter; write KEY=value between commas"]),
        ("shift:by=", ["--degrade shift:by=: parameter by has no value"]),
        ("shift:5,6", ["--degrade shift:5,6: '6' needs its parameter's name (by, gain, percent, mode); "
                       "several values are written 1/2"]),
        ("shift:5,by=6", ["--degrade shift:5,by=6: parameter by given twice"]),
        ("shift:5,gain=1,percent=1", ["--degrade shift:5,gain=1,percent=1: parameter gain given twice"]),
        ("shift:5,foo=1",
         ["--degrade shift:5,foo=1: unknown parameter 'foo' for shift; known: by, gain, percent, mode"]),
        ("shift:101", ["--degrade shift:101: amount must be an integer from 0 to 100"]),
        ("shift:5/101", ["--degrade shift:5/101: in shift:101: amount must be an integer from 0 to 100"]),
        ("shift:5/x,mode=a", ["--degrade shift:5/x,mode=a: in shift:x: amount must be an integer from 0 to 100",
                              "--degrade shift:5/x,mode=a: mode must be one of wrap, clip"]),
        ("plain+shift:101", ["--degrade plain+shift:101: in shift:101: amount must be an integer from 0 to 100"]),
        ("shift:13,mode=clip", ["--degrade shift:13,mode=clip: 13 cannot be clipped"]),
        ("shift:5//7", ["--degrade shift:5//7: empty value in '5//7'"]),
        ("shift:1..x", ["--degrade shift:1..x: '1..x' is not a range; write START..END:STEP, e.g. 50..95:5"]),
        ("shift:1..3/5", ["--degrade shift:1..3/5: '1..3/5' mixes a range and a set; write one of them, "
                          "e.g. 40..60:10 or 40/50/60"]),
        ("shift:1..200", ["--degrade shift:1..200: amount must be an integer from 0 to 100"]),
        ("shift:1..9:0", ["--degrade shift:1..9:0: step must not be 0"]),
        ("shift:1..9:0.5", ["--degrade shift:1..9:0.5: step must be an integer, as amount is"]),
        ("shift:9..1", ["--degrade shift:9..1: empty range 9..1 with step 1; write 1..9:1 or 9..1:-1"]),
        ("shift:1..9:-2", ["--degrade shift:1..9:-2: empty range 1..9 with step -2; write 1..9:2 or 9..1:-2"]),
        ("shift:1,gain=1..9", ["--degrade shift:1,gain=1..9: a range of gain needs a step, e.g. 1..9:1"]),
        ("shift:1,gain=0.1..0.5", ["--degrade shift:1,gain=0.1..0.5: a range of gain needs a step, e.g. 0.1..0.5:0.1"]),
        ("shift:1,mode=a..b", ["--degrade shift:1,mode=a..b: mode must be one of wrap, clip"]),
        ("shift:1..20+shift:1..18", ["--degrade shift:1..20+shift:1..18: sweep expands to 360 points (limit 200); "
                                     "reduce it or pass --max-points 400"]),
        ("shift:1,gain=0..1:1e-300", ["--degrade shift:1,gain=0..1:1e-300: sweep expands to over a million points "
                                      "(limit 200); reduce it"]),
    ],
)  # fmt: skip
def test_messages(names, spec, messages):
    found = problems(names, spec)
    assert list(found) == messages
    assert all("\n" not in line for line in found)


def test_all_mistakes_of_all_specs_come_together(names):
    assert problems(names, "shift:101+plan", "plain", "nothing") == (
        "--degrade shift:101+plan: in shift:101: amount must be an integer from 0 to 100",
        "--degrade: unknown degradation 'plan'. Did you mean 'plain'? Known: @both, broken, plain, shift",
        "--degrade: unknown degradation 'nothing'. Known: @both, broken, plain, shift",
    )


def test_the_options_name_and_limit_are_the_callers(names):
    assert problems(names, "shift:1..3", option="-d", max_points=2) == (
        "-d shift:1..3: sweep expands to 3 points (limit 2); reduce it or pass --max-points 100",
    )
    assert len(ids(names, "shift:1..20+shift:1..18", max_points=360)) == 360


def test_warnings_go_to_the_log(names, caplog):
    with caplog.at_level(logging.WARNING, "bench"):
        ids(names, "shift:50..93:5", "shift:1,gain=0.05", "shift:2,percent=0.005")
    assert caplog.messages == ["--degrade shift:50..93:5 ends at 90", "--degrade shift:1,gain=0.05: tiny"]
    caplog.clear()
    problems(names, "shift:50..93:5", "nothing")
    assert caplog.messages == []


def test_own_presets(names):
    own = {"@mine": ("shift:1", "@more"), "@more": ("plain",), "@bad": ("shift:101", "shift:5+"), "@loop": ("@loop",)}
    assert ids(names, "@mine", presets=own) == [shift(1), "plain"]
    assert problems(names, "@bad", "@loop", "@x", presets=own) == (
        "--degrade @bad: in shift:101: amount must be an integer from 0 to 100",
        "--degrade @bad: in shift:5+: empty stage at position 2",
        "--degrade @loop: preset contains itself: @loop -> @loop",
        "--degrade: unknown preset '@x'; known: @bad, @both, @loop, @mine, @more",
    )
    assert problems(names, "plain", presets={"@both": ("plain",)}) == (
        "preset '@both' is built in; give your own another name",
    )


def test_presets_of_the_current_folder(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert user_presets() == {}
    (tmp_path / "bench.toml").write_text(
        '[degrade.presets]\nmine = ["shift:1", "plain"]\n"@text" = """\nshift:2  # two\n\n# nothing\nplain"""\n'
    )
    assert user_presets() == {"@mine": ("shift:1", "plain"), "@text": ("shift:2", "plain")}
    assert ids(names, "@text", presets=None) == [shift(2), "plain"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x =", "bench.toml cannot be read as TOML: "),
        ("degrade = 3", "bench.toml: presets belong in a table [degrade.presets], e.g. "),
        ("[degrade]\npresets = []", "bench.toml: presets belong in a table [degrade.presets], e.g. "),
        ("[degrade.presets]\nmine = 3", "bench.toml: preset 'mine' must be a list of degradations, e.g. "),
        ("[degrade.presets]\nmine = [3]", "bench.toml: preset 'mine' must be a list of degradations, e.g. "),
        ("[degrade.presets]\nmine = []", "bench.toml: preset 'mine' must be a list of degradations, e.g. "),
        ("[degrade.presets]\nMine = ['plain']", "bench.toml: preset 'Mine': a name is lower-case letters"),
    ],
)
def test_bad_preset_files(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.toml").write_text(text)
    with pytest.raises(RequestError) as caught:
        user_presets()
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(message)


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.floats(0, 10), st.sampled_from(["wrap", "clip"])).filter(
            lambda v: v[0] != 13
        ),
        min_size=1,
        max_size=3,
    )
)
def test_canonical_ids_read_back(names, values):
    channel = Channel(tuple(Shift(by=by, gain=gain, mode=mode) for by, gain, mode in values))
    assert ids(names, channel.id) == [channel.id]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-30, 30).filter(bool))
def test_ranges_are_pythons_with_the_end(names, start, stop, step):
    expected = [f"shift:by={n},gain=1,mode=wrap" for n in range(start, stop + (1 if step > 0 else -1), step)]
    spec = f"shift:{start}..{stop}:{step}"
    if expected:
        assert ids(names, spec) == expected
    else:
        assert "empty range" in problems(names, spec)[0]


@given(st.text(alphabet="shiftplan@bo+:,=./0123456789-() e\n", max_size=25))
def test_any_text_gives_channels_or_one_line_messages(names, text):
    try:
        found, wrong = ids(names, text), ()
    except RequestError as error:
        found, wrong = [], error.problems
    assert bool(found) != bool(wrong)
    assert all(line.startswith("--degrade") and "\n" not in line for line in wrong)
    assert [channel for one in found for channel in ids(names, one)] == found


def test_decimal_ranges_do_not_drift(names):
    gains = [Decimal(one.split("gain=")[1].split(",")[0]) for one in ids(names, "shift:1,gain=0..10:0.1")]
    assert gains == [Decimal(n) / 10 for n in range(101)]


IMAGE = np.zeros((4, 5, 3), np.uint8)


def test_channel_facts(names):
    (channel,) = parse_channels(["plain+shift:5+shift:7"], names, presets={})
    assert channel.stochastic
    assert not parse_channels(["plain"], names, presets={})[0].stochastic
    received = channel.send(IMAGE, 0, "a")
    assert received.details == {"by": 7, "stages": [{"id": shift(5), "by": 5}, {"id": shift(7), "by": 7}]}
    assert parse_channels(["shift:5"], names, presets={})[0].send(IMAGE, 0, "a").details == {"by": 5}
    assert channel.provenance() == {}
    assert repr(channel.stages[1]) == f"<{shift(5)}>"


def test_a_later_stage_changes_no_earlier_one(names):
    short, long = parse_channels(["shift:5", "shift:5+shift:0"], names, presets={})
    for seed in range(3):
        middle = short.send(IMAGE, seed, "a").image
        last = long.send(IMAGE, seed, "a").image
        assert set(np.unique(last - middle)) <= {0, 1, 2}
    # The second stage's noise has a key of its own.
    assert not np.array_equal(last - middle, middle - 5)


@pytest.mark.parametrize("how", ["dtype", "channels", "flat"])
def test_a_broken_stage_is_caught(names, how):
    (channel,) = parse_channels([f"plain+broken:{how}"], names, presets={})
    with pytest.raises(CellFailure, match=f"broken:how={how} returned .*, not uint8 HxWx3") as caught:
        channel.send(IMAGE, 0, "a")
    assert caught.value.status == "bad_shape"


def test_python_values_are_checked():
    assert Shift(by=5).id == shift(5)
    with pytest.raises(RequestError, match="amount is required"):
        Shift()
    with pytest.raises(RequestError, match="amount must be"):
        Shift(by=101)
    with pytest.raises(TypeError, match="Bare does not say how to degrade"):
        type("Bare", (Degradation,), {"name": "bare"})().apply(IMAGE, np.random.default_rng())
