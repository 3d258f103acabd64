"""Sets of integers as a hyper-parameter writes them: `60/80`, `30..95` or `30..95:5`, mixed at will."""

from bench_core.errors import RequestError


def parse_integers(text: str, most: int, rule: str, example: str) -> tuple[int, ...]:
    """The integers of a text, from 1 to `most`, in the order written; RequestError with rule and example otherwise."""
    values: list[int] = []
    try:
        for part in text.split("/"):
            span, _, stride = part.partition(":")
            low, dots, high = span.partition("..")
            reach = range(int(low), int(high if dots else low) + 1, int(stride or 1))
            if len(reach) > most:  # known to be wrong before it is written out
                raise ValueError(part)
            values += reach
    except ValueError:
        values = []
    if not values or min(values) < 1 or max(values) > most:
        raise RequestError(f"{rule}, not '{text}'; e.g. {example}")
    return tuple(values)


def parse_qualities(text: str) -> tuple[int, ...]:
    """The JPEG qualities, 1 to 100, of the hyper-parameter `qf`; RequestError otherwise."""
    return parse_integers(text, 100, "qf must be JPEG qualities from 1 to 100", "qf=75..100 or qf=60/80/95")
