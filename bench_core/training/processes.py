"""The processes a training runs in: the one that was started, or as many as `torchrun` or `accelerate launch` says."""

import atexit
import os

import torch
from accelerate import Accelerator

from bench_core.errors import RequestError

if torch.distributed.is_available():
    # Its functions hold, as a default, the process group of the moment it is imported. Networks that are wrapped for
    # several processes import it, after the group was made: it would never let go of the group (see `_leave`).
    import torch.distributed.nn.functional


def make_accelerator(device: str, mixed_precision: str) -> Accelerator:
    """An Accelerator on `auto` (what there is, or what `accelerate launch` says) or `cpu`.

    RequestError for a precision that the device cannot do.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if mixed_precision == "fp16" and (device == "cpu" or not torch.accelerator.is_available()):
        raise RequestError("--mixed-precision fp16 needs a GPU; a CPU can do bf16: --mixed-precision bf16")
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=mixed_precision)
    if accelerator.num_processes > 1:
        atexit.register(_leave, accelerator)
    return accelerator


def _leave(accelerator: Accelerator) -> None:
    """End the threads that speak with the other processes.

    They end when nothing holds the process group any more. One that is still tidying up a tensor while the interpreter
    shuts down aborts the process ("terminate called without an active exception"), though all its work is done.
    """
    accelerator.free_memory()  # the wrapped networks hold the group, too
    accelerator.end_training()
