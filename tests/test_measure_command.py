import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage.data import astronaut

from bench_core.cli.measure import measure
from bench_core.errors import CellFailure, RequestError
from bench_core.metric import Metric, Score
from bench_core.plan import create_metrics
from bench_core.plugins import Entry, registry

PHOTO = astronaut()[:64, 100:180]


class Broken(Metric):
    """Answers as it is told to."""

    name = "broken"
    answer = None

    def measure(self, estimate, prepared):
        if isinstance(self.answer, Exception):
            raise self.answer
        return Score(self.answer)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("b.png")
    Image.fromarray(PHOTO).save("a.jpg", quality=40)
    Image.fromarray(PHOTO[:40]).save("short.png")
    Image.fromarray(PHOTO).convert("L").save("gray.png")
    (tmp_path / "text.png").write_text("no picture")


@pytest.fixture
def broken(monkeypatch):
    entry = Entry("metrics", "broken", f"{__name__}:Broken", "test")
    monkeypatch.setitem(registry().metrics._entries, "broken", entry)
    monkeypatch.setattr(Entry, "load", lambda self: Broken)
    return Broken


def bench(*arguments):
    return CliRunner().invoke(measure, arguments)


def strict(text):
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"not strict JSON: {word}"))


def test_json_holds_what_the_metrics_say():
    result = bench("a.jpg", "b.png", "-m", "psnr", "-m", "cci", "-m", "psnr_lab", "--json")
    assert result.exit_code == 0
    found = strict(result.output)
    assert list(found) == ["psnr", "cci", "psnr_lab_l", "psnr_lab_a", "psnr_lab_b"]
    estimate = np.array(Image.open("a.jpg"))
    for name, metric in create_metrics(list(found), registry()).items():
        score = metric(estimate, PHOTO)
        expected = {"value": score.value, "status": "ok", "error": None, "details": score.details, "unit": metric.unit}
        assert found[name] == expected


def test_psnr_and_ssim_are_the_default_and_a_table_is_printed():
    result = bench("a.jpg", "b.png")
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    assert [line[0] for line in lines if line[0] in ("psnr", "ssim")] == ["psnr", "ssim"]
    found = strict(bench("a.jpg", "b.png", "--json").output)
    assert f"{found['psnr']['value']:.2f}" in result.output
    assert f"{found['ssim']['value']:.4f}" in result.output


def test_identical_pictures_are_null_and_flagged():
    found = strict(bench("b.png", "b.png", "--json").output)
    assert found["psnr"]["value"] is None
    assert found["psnr"]["status"] == "ok"
    assert found["psnr"]["details"] == {"identical": True, "mse": 0.0, "cap": 100.0}
    assert "identical" in bench("b.png", "b.png").output


def test_a_metric_that_cannot_be_computed_says_why_and_the_command_succeeds():
    result = bench("a.jpg", "b.png", "-m", "ms_ssim", "-m", "psnr", "--json")
    assert result.exit_code == 0
    found = strict(result.output)
    assert found["ms_ssim"]["value"] is None
    assert found["ms_ssim"]["status"] == "skipped_unsupported"
    assert "161" in found["ms_ssim"]["error"]
    assert found["psnr"]["status"] == "ok"
    assert "too_small" in bench("a.jpg", "b.png", "-m", "ms_ssim").output


@pytest.mark.parametrize(
    ("answer", "status", "word"),
    [
        (float("nan"), "nan_output", "nan"),
        (ZeroDivisionError("by nothing"), "model_error", "by nothing"),
        (MemoryError("full"), "oom", "full"),
        (CellFailure("weights_missing", "fetch them"), "weights_missing", "fetch them"),
    ],
)
def test_a_metric_that_fails_becomes_a_status(broken, monkeypatch, answer, status, word):
    monkeypatch.setattr(broken, "answer", answer)
    result = bench("a.jpg", "b.png", "-m", "broken", "--json")
    assert result.exit_code == 0
    found = strict(result.output)["broken"]
    assert (found["value"], found["status"]) == (None, status)
    assert word in found["error"]


def test_gray_files_are_compared_as_pictures():
    assert strict(bench("gray.png", "gray.png", "--json").output)["psnr"]["details"]["identical"] is True
    assert strict(bench("gray.png", "b.png", "--json").output)["psnr"]["value"] > 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.jpg", "none.png"], ["none.png: no such file"]),
        (["text.png", "b.png"], ["text.png: not a picture"]),
        (["short.png", "b.png"], ["short.png is 80×40", "b.png is 80×64"]),
        (["a.jpg", "b.png", "-m", "psnrr"], ["unknown metric 'psnrr'", "psnr"]),
        (["none.png", "text.png", "-m", "nope"], ["none.png", "text.png", "nope"]),
    ],
)
def test_a_wrong_request_is_one_clear_line_for_each_mistake(arguments, words):
    error = bench(*arguments).exception
    assert isinstance(error, RequestError)
    assert error.exit_code == 2
    for word in words:
        assert word in str(error)
    assert all("\n" not in problem for problem in error.problems)


def test_the_command_exits_with_2_and_prints_no_traceback(bench_command):
    done = bench_command("measure", "none.png", "short.png", "-m", "psnrr", check=2)
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Error: unknown metric 'psnrr'")
    assert lines[1] == "Error: none.png: no such file"
    assert done.stdout == ""
