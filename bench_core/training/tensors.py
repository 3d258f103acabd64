"""Safetensors files, written atomically; nothing is pickled."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bench_core.errors import RequestError


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically: a reader, or a kill, sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    # Not save_file, which makes files that only their owner can read.
    partial.write_bytes(
        save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, dict(metadata))
    )
    partial.replace(path)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (on the CPU) and metadata of a safetensors file; RequestError where it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise RequestError(f"no such file: {path}") from None
    except (SafetensorError, OSError) as error:
        raise RequestError(f"{path} is not a safetensors file ({' '.join(str(error).split())})") from None
