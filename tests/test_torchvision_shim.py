import importlib.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None,
    reason="torch and torchvision are not installed",
)

IMPORT = "import torchvision, torchvision.models, torchvision.transforms"


def python(code):
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)


def test_torchvision_imports_with_the_shim_whatever_torch_it_was_built_for():
    done = python(
        "from bench_core.torchvision_shim import ensure\n"
        "import sys\n"
        "first = ensure()\n"
        "assert 'torchvision' not in sys.modules\n"
        f"{IMPORT}\n"
        "assert ensure() is first is ensure()\n"
        "print('works')"
    )
    assert done.stdout == "works\n", done.stderr


def test_without_the_shim_a_torchvision_of_another_build_does_not_import():
    plain = python(IMPORT)
    if plain.returncode == 0:
        pytest.skip("this torchvision fits this torch")
    assert "torchvision::nms does not exist" in plain.stderr
    declared = python("from bench_core.torchvision_shim import ensure; print(ensure())")
    assert declared.stdout == "True\n"


def test_where_torchvision_brings_its_own_operators_nothing_is_declared():
    # Whoever declares the operators first, the shim leaves them alone.
    done = python(
        "import torch\n"
        "library = torch.library.Library('torchvision', 'FRAGMENT')\n"
        "library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "from bench_core.torchvision_shim import ensure\n"
        "print(ensure())"
    )
    assert done.stdout == "False\n", done.stderr


def test_importing_the_shim_imports_no_torch():
    done = python("import sys, bench_core.torchvision_shim; print('torch' in sys.modules)")
    assert done.stdout == "False\n"
