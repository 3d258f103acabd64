import subprocess
import sys
from pathlib import Path

from bench_core.degradation import Degradation
from bench_core.plugins import registry

BUILT_IN = """
avif blur box brightness contrast crop cropout defocus double-jpeg dropout erase flip gamma gaussian gray hue identity
impulse jp2 jp2-lossless jpeg jxl lsb-zero median motion palette paste perspective pixelate png poisson posterise
quantise resize rotate salt-pepper saturation screenshot sharpen shear social speckle translate uniform webp
webp-lossless
"""
STOCHASTIC = "crop cropout dropout erase gaussian impulse motion paste perspective poisson salt-pepper speckle uniform"


def entries():
    return [
        entry for entry in registry().degradations if entry.is_group or entry.target.startswith("bench_degradations.")
    ]


def test_everything_registered_loads():
    classes = {entry.name: entry.load() for entry in entries() if not entry.is_group}
    assert sorted(classes) == BUILT_IN.split()
    for name, cls in classes.items():
        assert issubclass(cls, Degradation)
        assert cls.name == name
        assert all(param.help for param in cls.params)
    assert all(entry.summary for entry in entries())


def test_stochastic_ones_say_so():
    stochastic = [entry.name for entry in entries() if not entry.is_group and entry.load().stochastic]
    assert stochastic == STOCHASTIC.split()


def test_registering_imports_nothing_heavy():
    code = (
        "import bench_degradations, sys;"
        "print([name for name in ('torch', 'numpy', 'pandas', 'PIL', 'cv2') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_document_has_every_name_and_parameter():
    text = (Path(__file__).parents[3] / "docs/degradations.md").read_text().partition("## What there is")[2]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    for entry in entries():
        (row,) = (row for row in rows if f"`{entry.name}`" in row[0])
        if not entry.is_group:
            assert all(f"`{param.name}`" in row[1] for param in entry.load().params), entry.name
