"""The few exceptions bench raises on purpose; everything else is a bug and keeps its traceback."""

from collections.abc import Iterable

STATUSES = (
    "ok",
    "decode_failed",
    "capture_failed",
    "model_error",
    "oom",
    "timeout",
    "bad_shape",
    "nan_output",
    "skipped_unsupported",
    "weights_missing",
)
"""Every status a row may have (a failed row also carries a short reason)."""


class BenchError(Exception):
    """Something the user can act on; the command line prints it as one line and exits with `exit_code`."""

    exit_code = 1


class RequestError(BenchError):
    """The request itself was wrong: nothing was run and nothing was written.

    `problems` holds one line per mistake, so that all of a command's mistakes are shown together.
    """

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class MissingWeights(RequestError):
    """A method has no weights: none ship with it, and none were given."""


class CellFailure(BenchError):
    """One cell could not be computed; it becomes a row with this status and reason, and the run goes on."""

    def __init__(self, status: str, reason: str) -> None:
        if status not in STATUSES or status == "ok":
            raise ValueError(f"unknown failure status {status!r}; allowed: {', '.join(STATUSES[1:])}")
        self.status = status
        self.reason = reason
        super().__init__(f"{status}: {reason}")


def as_failure(error: Exception, what: str = "") -> CellFailure:
    """What any exception of a method or metric makes of its cell; `what` begins the reason where it is a crash."""
    if isinstance(error, CellFailure):
        return error
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without importing it
        return CellFailure("oom", one_line(error))
    return CellFailure("model_error", what + one_line(error))


def one_line(error: BaseException, limit: int = 300) -> str:
    """The first thing a reader needs of an exception, on one line, for a row's `error` column."""
    text = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, BenchError):
        text = f"{type(error).__name__}: {text}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
