"""The shipped suites: every number that the papers print, in names that bench knows, with commands that parse."""

import json
import re
import shlex
import shutil
import tomllib
from importlib.resources import files
from itertools import pairwise

import pytest
from click.testing import CliRunner
from PIL import Image

from bench_core.grammar import parse_channels
from bench_core.plan import create_metrics
from bench_core.plugins import load_string, registry
from bench_core.suite import ENCODED_BYTES, UNMEASURED, load_suite
from bench_core.suite import PRINTED as PRINTED_PAIR
from bench_core.suite_plan import Options, choose_data, columns_of, plan_suite
from bench_reports.plugin import SUITES

# Typed again from the papers' tables, in another order than the files': a row a line, its figures in the paper's order.
PRINTED = {
    "riis-table1": """
        RIIS (2DT, CANP, CEM) | 28.08 28.01 27.32 28.25 28.71 44.19
        no CEM (2DT, CANP)    | 27.82 27.62 26.64 27.46 27.96 43.21
        no CANP (2DT, CEM)    | 27.38 27.35 26.40 27.28 27.72 42.74
        no 2DT (CANP, CEM)    | 27.61 27.42 26.77 27.55 27.88 42.91""",
    "riis-table2": """
        CANP from z̃                      | 44.19
        residual blocks on the container | 43.56
        copy of the container            | 43.18
        z̃ ~ N(0, I) itself               | 42.53""",
    "riis-table3": """
        RIIS   | 28.22 30.32 27.47 27.32 28.71
        RIIS*  | 28.03 30.01 27.23 27.18 28.44
        ISN⁺   | 27.12 28.98 26.71 26.25 27.48
        ISN    | 8.55 25.19 19.38 10.11 11.25
        HiNet  | 9.98 26.93 21.23 11.52 12.59""",
    "riis-table4": """
        RIIS, 1 secret         | 43.97 46.71
        HiNet, 1 secret        | 44.16 46.48
        ISN, 1 secret          | 42.53 43.58
        RIIS, 5 secrets        | 35.92 38.13
        IICNet, 5 secrets      | 35.64 37.94
        ISN, 5 secrets         | 33.77 36.02
        AutoEncoder, 5 secrets | 32.35 31.21""",
    "riis-fig9": "",
    "jrig-table1": """
        stage-wise + mix | 36.00 40.56
        only mix         | 32.12 35.98
        only stage-wise  | 32.73 37.44""",
    "jrig-table2": "JRIG | 3 0.1 1 0.0000001 0.5 1 0.01 0.01",
    "jrig-table3": """
        JRIG       | 36.00 40.56 33.13
        Xia et al. | 33.76 40.16 25.88""",
    "jrig-table4": """
        with SSIM    | 36.00 40.56 33.13
        without SSIM | 35.21 40.21 32.33""",
    "jrig-table5": """
        random k = 32..64 | 36.00 40.56 33.13
        fixed k = 48      | 35.93 38.64 29.58
        fixed k = 32      | 33.99 32.75 29.54""",
    "jrig-table6": """
        Xia et al. | 20.22 20.45 21.02 22.13 25.88 36.10
        JRIG       | 22.79 23.56 24.90 27.76 33.13 38.83""",
    "jrig-fig12": "",
    "scgan-table1": """
        SCGAN               | 23.80 0.9473 0.5347 0.2141 9.32 8.68 9.04
        Vitoria et al.      | 24.32 0.9273 0.5365 0.1124 9.03 8.24 9.17
        Lei et al.          | 22.96 0.9146 0.5146 0.1140 8.02 7.14 7.45
        DeOldify            | 23.14 0.9194 0.5345 0.1473 9.20 8.57 9.01
        Iizuka et al.       | 24.32 0.9464 0.5305 0.1960 9.17 8.34 8.76
        Zhang et al. (2016) | 22.49 0.9153 0.5397 0.0330 9.05 7.10 9.50
        Isola et al.        | 23.25 0.9386 0.5229 0.1126 8.56 7.93 8.96
        Larsson et al.      | 24.42 0.9229 0.5516 0.1493 9.14 8.58 8.22
        Grayscale           | 23.23 0.9394 0.4978 - - - -
        Ground truth        | - 1 0.6344 - - - -""",
    "scgan-table2": """
        SCGAN (full)        | 23.80 0.9473 0.5347 0.2141
        with L2 loss        | 23.67 0.9436 0.5326 0.1958
        w/o global feature  | 23.61 0.9356 0.5216 0.1755
        w/o pre-weights     | 23.15 0.9280 0.5259 0.1820
        with LSGAN loss     | 23.46 0.9390 0.5342 0.2086
        w/o perceptual loss | 23.80 0.9443 0.5211 0.2131
        w/o GAN loss        | 23.28 0.9305 0.5289 0.2045
        w/o attention loss  | 23.81 0.9368 0.5234 0.1856""",
    "scgan-table3": """
        SCGAN       | 24.59 0.8396
        UResNet+Sal | 23.72 0.8244
        UResNet     | 23.66 0.8219
        Pix2Pix+Sal | 23.53 0.8164
        Pix2Pix     | 23.55 0.8165""",
    "sdc-table1": """
        SDC (automatic)     | 71.9 71.62 71.1 71.5 59.63
        Zhang'17 (no hints) | 64.8 60 70.98 65.3 43.0
        Larsson'16          | 67.3 62.62 70.26 66.7 45.13
        Zhang'16            | 61.02 63.88 62.96 62.6 42.0
        Iizuka'16           | 67.16 65.5 70.52 67.7 43.5
        Original            | 85.76 87.88 89.82 87.8 66.62""",
    "autoencoder-log": """
        epoch 50, the last | 0.0036 0.6405 0.0077 0.5093
        epoch 46           | 0.0036 0.6403 0.0077 0.5093
        epoch 33           | 0.0037 0.6387 0.0077 0.5108
        epoch 25           | 0.0039 0.6278 0.0076 0.5169
        epoch 24           | 0.0039 0.6259 0.0076 0.5191
        epoch 20           | 0.0045 0.6074 0.0075 0.5098
        epoch 19           | 0.0047 0.5998 0.0075 0.5254
        epoch 17, the best | - - 0.00734 -
        epoch 15           | 0.0058 0.5721 0.0077 0.4824
        epoch 9            | 0.0071 0.5424 0.0076 0.5239""",
}

NOISE = "gaussian:gray=0,sigma=10", "gaussian:gray=0,sigma=1", "poisson:gray=0,peak=255"
PRINTED_COLUMNS = {
    "riis-table1": [NOISE[0], NOISE[2], *(f"jpeg:q={quality},ss=420" for quality in (40, 80, 90)), "identity"],
    "riis-table3": [*NOISE, *(f"jpeg:q={quality},ss=420" for quality in (40, 90))],
    "jrig-table6": [f"jpeg:q={quality},ss=420" for quality in (75, 80, 85, 90, 95, 100)],
}


def test_the_suites_are_those_the_papers_have_tables_for():
    assert set(SUITES) == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_there_and_no_other(name):
    suite = load_suite(name)
    expected = {}
    for line in PRINTED[name].strip().splitlines():
        row, _, numbers = line.partition("|")
        expected[row.strip()] = tuple(None if number == "-" else float(number) for number in numbers.split())
    assert {row.row: row.values for row in suite.reported} == expected
    assert suite.figure == (not expected)
    assert suite.caveats


@pytest.mark.parametrize("name", PRINTED)
def test_a_suite_names_only_what_bench_knows(name):
    suite = load_suite(name)
    columns = columns_of(suite, registry().degradations)
    assert SUITES[name] == suite.title
    if suite.of_hyperparameters:
        return
    assert create_metrics(
        [*suite.metrics, *{c.metric for c in columns if c.pair not in UNMEASURED} - {ENCODED_BYTES}], registry()
    )
    known = {column.degradation for column in columns}
    for method in suite.methods:
        assert {channel.id for channel in parse_channels(method.degradations, registry().degradations)} <= known
        assert bool(method.weights) <= bool(method.train), f"{method.label}: who trains {method.weights}?"
    if name in PRINTED_COLUMNS:
        printed = [column.degradation for column in columns if not column.measured_only]
        assert printed == PRINTED_COLUMNS[name]
    assert {pair for column in columns if not column.measured_only for pair in [column.pair]} <= {
        "container", "secret", "grayscale", "restored", "colorized", PRINTED_PAIR
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PRINTED if name.startswith("jrig") and name != "jrig-table2"])
def test_what_hides_nothing_stands_in_every_table_of_invertible_grayscale(name):
    suite = load_suite(name)
    assert [method.plugin for method in suite.methods if method.label == suite.floor] == ["copy-gray"]
    assert suite.floor_pairs == ("restored",)


@pytest.mark.parametrize("name", [name for name in PRINTED if name.startswith(("scgan", "sdc", "autoencoder"))])
def test_the_originals_and_copied_gray_stand_in_every_table_of_colorization(name):
    suite = load_suite(name)
    assert suite.originals
    assert "copy-gray-colorization" in {method.plugin for method in suite.methods}


def commands():
    found = {method.train for name in PRINTED for method in load_suite(name).methods if method.train}
    return sorted({command for line in found for command in line.split(" && ")})


def training_command(name):
    """The command of a method, or of a part of one, such as `sdc-segmentation`."""
    method, _, part = (name, "", "") if registry().models.find(name) else name.rpartition("-")
    return load_string(registry().models.get(method).extra[f"train_{part}" if part else "train"], name)


@pytest.mark.parametrize("command", commands())
def test_the_training_commands_are_taken_by_the_methods(command):
    program, verb, name, *arguments = shlex.split(command)
    assert (program, verb) == ("bench", "train")
    assert {"--data", "--out"} <= set(arguments)
    main = training_command(name)
    if name == "gray-lut":  # it counts, and has nothing to set
        assert {option for parameter in main.params for option in parameter.opts} >= {"--data", "--out"}
        return
    done = CliRunner().invoke(main, [*arguments, "--show-hyperparameters"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for key, value in (text.split("=") for flag, text in pairwise(arguments) if flag == "--set"):
        shown = next(line.split() for line in done.output.splitlines() if line.split()[:1] == [key])
        assert shown[1] in (value, str(float(value)) if value.isdigit() else value, str(value == "1").lower())


@pytest.mark.parametrize("name", [name for name in PRINTED if name.startswith("scgan")])
def test_scgan_trained_as_published_is_scored_as_published(name):
    suite = load_suite(name)
    own = [method for method in suite.methods if method.train]
    # The best weights by validation may be of stage 1, which is the same for several rows of the ablation.
    assert all(method.weights == f"{shlex.split(method.train)[-1]}/last.safetensors" for method in own)
    for method in own:
        assert (method.settings == {"infer": "resize_rgb"}) == ("--preset paper" in method.train)
    assert "default infer=resize," in {caveat.number: caveat.text for caveat in suite.caveats}[23]


def test_scgan_learns_kaist_for_as_long_and_with_the_losses_that_the_paper_says():
    suite = load_suite("scgan-table3")
    published = [method.train for method in suite.methods if "KAIST" in method.train]
    assert len(published) == 3
    assert all("--set stage1=20 --set stage2=0 " in command for command in published)
    assert 20 in {caveat.number for caveat in suite.caveats}


def test_a_color_network_is_given_the_segmentation_that_was_trained_for_it():
    for method in load_suite("sdc-table1").methods:
        if method.train:
            maps, colors = (shlex.split(command) for command in method.train.split(" && "))
            assert colors[colors.index("--segmentation") + 1] == f"{maps[maps.index('--out') + 1]}/best.safetensors"
            assert method.weights == f"{colors[colors.index('--out') + 1]}/best.safetensors"
            assert [command[command.index("--data") + 1] for command in (maps, colors)] == [
                "pascal-context:VOC2010,split=train"
            ] * 2


def test_weights_of_other_classes_are_not_scored_by_the_maps_of_pascal_context(tmp_path, monkeypatch):
    root = tmp_path / "VOC2010"
    for folder, mode, suffix in (("JPEGImages", "RGB", "jpg"), ("SegmentationClassContext", "L", "png")):
        (root / folder).mkdir(parents=True)
        for name in ("train", "val"):
            Image.new(mode, (40, 30), 5).save(root / folder / f"{name}.{suffix}")
    (root / "ImageSets" / "SegmentationContext").mkdir(parents=True)
    (root / "ImageSets" / "SegmentationContext" / "val.txt").write_text("val\n")
    monkeypatch.chdir(tmp_path)
    suite = load_suite("sdc-table1")
    for environment in ({}, {"BENCH_PASCAL_CONTEXT": str(root)}):
        chosen = choose_data(suite, None, environment)
        assert registry().datasets.create(chosen.dataset).ids() == ["val"]
    _, planned, skipped = plan_suite(suite, Options(dataset=chosen.dataset))
    scored = {one.method.label: {pair.name for pair in one.bench.pairs} for one in planned}
    assert set(scored) == {"SDC, shipped weights, map predicted", "SDC, shipped weights, map none", "copied gray"}
    assert {name for names in scored.values() for name in names} == {"colorized", "channel"}
    assert all(one.reason.startswith("no weights runs/sdc-pascal") for one in skipped)
    # Someone else's weights in that place are told apart by the classes they know.
    (tmp_path / "runs" / "sdc-pascal").mkdir(parents=True)
    shipped = next(one.bench.model.default_weights for one in planned if one.method.plugin == "sdc")
    shutil.copy(shipped, tmp_path / "runs" / "sdc-pascal" / "best.safetensors")
    _, planned, skipped = plan_suite(suite, Options(dataset=chosen.dataset))
    assert {pair.name for one in planned for pair in one.bench.pairs} == {"colorized", "channel"}
    reason = next(one.reason for one in skipped if one.method.label == "SDC, map human")
    assert "the maps are of pascal-context-59, the weights of coco-27" in reason


def test_list_prints_what_the_files_say(bench_command):
    rows = json.loads(bench_command("list", "suites", "--json", check=0).stdout)
    suites = {row["name"]: row for row in rows}
    assert suites["riis-table3"]["reported"][0] == {
        "row": "HiNet",
        "values": [9.98, 26.93, 21.23, 11.52, 12.59],
        "note": "",
    }
    assert suites["riis-table3"]["plugin"] == "reports"
    listed = bench_command("list", "suites", check=0).stdout
    assert re.search(r"^riis-table3 +Secrets through noise and JPEG", listed, re.MULTILINE)


def test_the_hyperparameters_are_keys_of_the_plugin():
    keys = tomllib.loads((files("bench_jrig") / "hyperparameters.toml").read_text("utf-8"))
    suite = load_suite("jrig-table2")
    assert {column.hyperparameter for column in suite.columns} <= set(keys)
    assert set(suite.presets) <= set(keys["presets"])
