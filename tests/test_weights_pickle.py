"""Pickles of arrays are read; pickles that do anything else are not."""

import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

from bench_core.errors import BenchError
from bench_core.weights_pickle import read_arrays


def write(path, thing, protocol=3):
    path.write_bytes(pickle.dumps(thing, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_nested_arrays_come_out_under_joined_names(tmp_path, protocol):
    arrays = {"A": {"Conv_0": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}, "b": np.ones(2, np.int64)}
    found = read_arrays(write(tmp_path / "w.ckpt", arrays, protocol))
    assert list(found) == ["A.Conv_0.kernel", "b"]
    np.testing.assert_array_equal(found["A.Conv_0.kernel"], arrays["A"]["Conv_0"]["kernel"])
    assert found["A.Conv_0.kernel"].dtype == np.float32


def test_the_spelling_of_numpy_1_is_read_too(tmp_path):
    text = pickle.dumps({"a": np.ones(3, np.float32)}, protocol=3).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core.multiarray" in text
    (tmp_path / "w").write_bytes(text)
    np.testing.assert_array_equal(read_arrays(tmp_path / "w")["a"], np.ones(3))


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def evils(mark):
    yield Evil(os.system, f"touch {mark}")
    yield Evil(eval, f"__import__('pathlib').Path({str(mark)!r}).touch()")
    yield Evil(Path.touch, mark)
    yield Evil(np.save, str(mark), np.ones(2))
    yield Evil(np.ndarray.tofile, np.ones(2), str(mark))  # a method of what may be named
    yield Evil(getattr, np.ones(2), "tofile")
    array = np.empty(1, dtype=object)
    array[0] = Evil(os.system, f"touch {mark}")
    yield array


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path, number, protocol):
    mark = tmp_path / "mark"
    evil = list(evils(mark))[number]
    path = write(tmp_path / "w.ckpt", {"good": np.ones(2), "evil": evil}, protocol)
    assert any(step[0].name in ("REDUCE", "GLOBAL", "STACK_GLOBAL") for step in pickletools.genops(path.read_bytes()))
    with pytest.raises(BenchError, match=r"it names .*, and may hold arrays only"):
        read_arrays(path)
    assert not mark.exists()
    if number < 5:  # the same pickle does its work where it is trusted
        pickle.loads(path.read_bytes())
        assert list(tmp_path.glob("mark*"))


@pytest.mark.parametrize(
    "thing", [[np.ones(2)], {"a": [1, 2]}, {"a": 3.0}, {1: np.ones(2)}, {"a": np.array(["text"])}, np.array([None])]
)
def test_what_is_not_arrays_of_numbers_is_refused(tmp_path, thing):
    with pytest.raises(BenchError, match=r"w\.ckpt is no pickle of arrays"):
        read_arrays(write(tmp_path / "w.ckpt", thing))


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": np.ones(9)})[:-20], b"PK\x03\x04"])
def test_a_damaged_pickle_is_one_line(tmp_path, content):
    (tmp_path / "w.ckpt").write_bytes(content)
    with pytest.raises(BenchError, match=r"w\.ckpt is no pickle of arrays") as error:
        read_arrays(tmp_path / "w.ckpt")
    assert "\n" not in str(error.value)
