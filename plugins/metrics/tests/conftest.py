"""Lets the tests beside this file share a module: `metric_goldens`, the pictures and figures that must not change."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
