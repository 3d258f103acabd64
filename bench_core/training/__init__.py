"""The training harness: recipes of updates and stages, exact resume, logs, and the options of a training command.

`__init__.pyi` lists what is here. Names are loaded when they are first asked for, so that a model that only reads its
weights imports no accelerate.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
