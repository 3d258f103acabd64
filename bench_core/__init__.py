"""bench: how much of a picture survives the trip?

`__init__.pyi` lists the names that a plugin needs. They are imported only when they are asked for, so that importing a
plugin's hooks costs nothing.
"""

import lazy_loader
import pluggy

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("bench")
"""Marks a plugin's implementation of one of bench_core.hookspecs."""
