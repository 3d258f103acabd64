"""`bench measure` on two folders."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage.data import astronaut

from bench_core.cli.measure import measure
from bench_core.errors import RequestError
from bench_core.images import read_image
from bench_core.plan import create_metrics
from bench_core.plugins import registry
from bench_core.statistics import bootstrap_mean

PHOTO = astronaut()[:64, 100:180]


def bench(*arguments):
    return CliRunner().invoke(measure, arguments)


def figures(*arguments):
    result = bench(*arguments, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side in ("got", "want"):
        (tmp_path / side / "deep").mkdir(parents=True)
    for number, name in enumerate(["one", "deep/two", "three"]):
        Image.fromarray(PHOTO[number:]).save(tmp_path / "want" / f"{name}.png")
        Image.fromarray(PHOTO[number:]).save(tmp_path / "got" / f"{name}.jpg", quality=60)
    Image.fromarray(PHOTO).save(tmp_path / "got" / "alone.png")


def test_folders_are_measured_name_by_name_and_summarized():
    found = figures("got", "want", "-m", "psnr")["psnr"]
    metric = create_metrics(["psnr"], registry())["psnr"]
    values = [
        metric(read_image(f"got/{name}.jpg"), read_image(f"want/{name}.png")).value
        for name in ("deep/two", "one", "three")
    ]
    assert found["mean"] == pytest.approx(np.mean(values))
    assert (found["low"], found["high"]) == pytest.approx(bootstrap_mean(values, 0))
    assert found["n"] == 3
    assert "1 pictures are in only one" in bench("got", "want").output


def test_a_picture_that_cannot_be_measured_is_counted_with_its_reason(tmp_path):
    Image.fromarray(PHOTO[:20]).save(tmp_path / "got" / "one.jpg")
    found = figures("got", "want", "-m", "psnr")["psnr"]
    assert found["failures"] == {"bad_shape": 1}
    assert "psnr compares pictures of one shape" in found["errors"][0]


def test_folders_without_a_common_name_or_beside_a_file_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "got" / "one.png").write_bytes((tmp_path / "got" / "alone.png").read_bytes())
    for other, message in {
        "empty": "no picture of one has the name of one in the other|have one name",
        "got/alone.png": "one is a folder, the other is not",
        "want": "one.jpg and one.png have one name; remove one of them",
    }.items():
        with pytest.raises(RequestError, match=message):
            CliRunner().invoke(measure, ["got", other], standalone_mode=False, catch_exceptions=False)


def test_a_metric_of_sets_compares_folders(trips_testbed):
    found = figures("got", "want", "-m", "brightness")["brightness"]
    assert found["kind"] == "set"
    assert found["n"] == 3
    assert 0 < found["mean"] < 2
    assert found["low"] == found["mean"] - 1
