"""The command and the suites that this package registers."""

from bench_core import hookimpl
from bench_core.hookspecs import Register

SUITES = {
    "riis-table1": "RIIS ablation: two-stage decoupled tuning, CANP and CEM",
    "riis-table2": "RIIS: where the receiver's high frequencies come from",
    "riis-table3": "Secrets through noise and JPEG: RIIS against HiNet and ISN",
    "riis-table4": "One and five secrets in a clean container",
    "riis-fig9": "Secrets over the strength of noise and JPEG: RIIS, RIIS* and RIIS-Blind",
    "jrig-table1": "JRIG: training in stages, mixed batches, or both",
    "jrig-table2": "JRIG: the weights of the eight losses",
    "jrig-table3": "JRIG against the invertible grayscale of Xia et al.",
    "jrig-table4": "JRIG with and without the structure loss",
    "jrig-table5": "JRIG: how many coefficients the JPEG simulator keeps",
    "jrig-table6": "Restored color over JPEG quality",
    "jrig-fig12": "Restored color over JPEG and WebP quality, by channel of Lab",
    "scgan-table1": "SCGAN against other colorization methods",
    "scgan-table2": "SCGAN ablation",
    "scgan-table3": "Saliency as a guide of other colorization networks",
    "sdc-table1": "SDC: a user study, and the scores it has not",
    "autoencoder-log": "Colors of CIFAR-10 by an auto-encoder: the log of its training",
}
"""Each suite's title, as its file has it: `bench --help` must not read the files. A test compares them."""


@hookimpl
def register_commands(register: Register) -> None:
    """Register `bench report`."""
    register("report", "bench_reports.cli:report", summary="Write runs as one Markdown table, with provenance.")


@hookimpl
def register_suites(register: Register) -> None:
    """Register the suites of this package, and those that lie in a file."""
    for name, title in SUITES.items():
        register(name, f"bench_reports:suites/{name}.toml", summary=title)
    register("file:", "bench_reports.files:suite_file", summary="a suite of your own, e.g. file:my-suite.toml")
