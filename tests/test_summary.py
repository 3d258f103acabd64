"""Summaries: what is grouped, and in which order it is read."""

from bench_core.cli.tables import figure
from bench_core.store.queries import Row
from bench_core.summary import natural_order, summarize_rows


def row(
    image="a",
    degradation="identity",
    pair="secret",
    metric="psnr",
    value=1.0,
    status="ok",
    run="r",
    details=None,
    repeat=0,
):
    return Row(
        run, f"plugin-{run}", "", "steganography", "sample", image, degradation, repeat, pair, metric, value, status,
        "", "measured", f"{metric}@1", details or {},
    )  # fmt: skip


def test_each_group_is_summarized_by_itself():
    lines = summarize_rows(
        [
            row("a", value=10.0),
            row("b", value=20.0),
            row("a", pair="host", value=5.0),
            row("b", pair="host", status="oom", value=None),
        ]
    )
    found = {line.pair: line for line in lines}
    assert found["secret"].summary.mean == 15.0
    assert (found["host"].summary.mean, found["host"].summary.n, found["host"].failed) == (5.0, 1, 1)
    assert found["host"].as_dict()["failures"] == {"oom": 1}
    assert found["secret"].as_dict()["plugin"] == "plugin-r"


def test_repeats_are_averaged_inside_their_image():
    lines = summarize_rows([row("a", value=10.0), row("a", value=20.0, repeat=1), row("b", value=30.0)])
    assert (lines[0].summary.mean, lines[0].summary.n) == (22.5, 2)


def test_the_kind_of_a_metric_comes_with_its_rows():
    rows = [
        row(image, metric="cci_ratio", value=float(image == "a"), details={"kind": "proportion"}) for image in "abcd"
    ]
    summary = summarize_rows(rows)[0].summary
    assert summary.kind == "proportion"
    assert 0 < summary.low < 0.25 < summary.high < 1


def test_lines_come_in_reading_order():
    ids = ["jpeg:q=40,ss=420", "gaussian:sigma=10", "jpeg:q=5,ss=420", "identity", "gaussian:sigma=2.5"]
    lines = summarize_rows(
        [row(degradation=name, pair=pair) for name in ids for pair in ("channel", "secret", "container")]
    )
    assert list(dict.fromkeys(line.degradation for line in lines)) == [
        "identity", "gaussian:sigma=2.5", "gaussian:sigma=10", "jpeg:q=5,ss=420", "jpeg:q=40,ss=420",
    ]  # fmt: skip
    assert [line.pair for line in lines[:3]] == ["container", "secret", "channel"]
    assert sorted(ids, key=natural_order)[0] == "identity"


def test_runs_to_compare_stand_beside_each_other():
    lines = summarize_rows([row(run=run, degradation=name) for run in ("x", "y") for name in ("identity", "webp:q=80")])
    assert [(line.degradation, line.run) for line in lines] == [
        ("identity", "x"), ("identity", "y"), ("webp:q=80", "x"), ("webp:q=80", "y"),
    ]  # fmt: skip


def test_figures_are_printed_as_papers_print_them():
    printed = {
        ("psnr", 28.7049): "28.70",
        ("cci", 7.456): "7.46",
        ("ssim", 0.93561): "0.9356",
        ("rmse_ab", 11.913): "11.91",
        ("mse", 0.00734): "0.00734",
        ("mse", None): "–",
    }
    assert {given: figure(given[1], given[0]) for given in printed} == printed
    assert figure(0.2141, "cci_ratio", "proportion") == "21.4 %"
