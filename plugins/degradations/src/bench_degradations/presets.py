"""What the presets stand for: published protocols as lists of specs. Imports nothing, since `bench --help` reads it."""

_RIIS = ("identity", "gaussian:1", "gaussian:10", "poisson", "jpeg:40", "jpeg:80", "jpeg:90")

# Hendrycks & Dietterich (2019), imagenet_c/corruptions.py: severities 1 to 5. Their shot noise is Poisson's; their
# motion blur is ImageMagick's with a radius of 10, 15, 15, 15 and 20, which is 2 radius + 1 taps.
_IMAGENET_C = (
    tuple(f"gaussian:sigma01={sigma}" for sigma in (0.08, 0.12, 0.18, 0.26, 0.38)),
    tuple(f"poisson:{peak}" for peak in (60, 25, 12, 5, 3)),
    tuple(f"impulse:{share}" for share in (0.03, 0.06, 0.09, 0.17, 0.27)),
    tuple(f"defocus:{radius},alias={alias}" for radius, alias in ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))),
    tuple(
        f"motion:{2 * radius + 1},sigma={sigma},spread=45"
        for radius, sigma in ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
    ),
    tuple(f"brightness:add={add}" for add in (0.1, 0.2, 0.3, 0.4, 0.5)),
    tuple(f"contrast:{factor},about=channel" for factor in (0.4, 0.3, 0.2, 0.1, 0.05)),
    tuple(f"pixelate:{factor}" for factor in (0.6, 0.5, 0.4, 0.3, 0.25)),
    tuple(f"jpeg:{quality}" for quality in (25, 18, 15, 10, 7)),
)
_SEVERITIES = range(1, 6)

PRESETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "@riis": ("the columns of the RIIS paper's Tables 1 and 3", _RIIS),
    "@riis-alt": (
        "@riis with the weaker Poisson noise that its untrained rows suggest",
        tuple("poisson:6000" if spec == "poisson" else spec for spec in _RIIS),
    ),
    "@riis-curves": ("the curves of the RIIS paper's Fig. 9", ("gaussian:1..10:1", "jpeg:40..90:10")),
    "@jrig": ("the JRIG paper's Table VI and Fig. 12", ("jpeg:75..100:5", "webp:75..100:5")),
    "@imagenet-c": (
        "nine of ImageNet-C's corruptions at all five severities",
        tuple(f"@imagenet-c:{severity}" for severity in _SEVERITIES),
    ),
    **{
        f"@imagenet-c:{severity}": (
            f"nine of ImageNet-C's corruptions at severity {severity}",
            tuple(corruption[severity - 1] for corruption in _IMAGENET_C),
        )
        for severity in _SEVERITIES
    },
    "@waves": (
        "the distortions of the WAVES watermark benchmark, in quarters of their ranges",
        (
            "identity",  # where all ranges but JPEG's begin
            "rotate:11.25..45:11.25,fill=0",
            "crop:0.875..0.5:-0.125,fill=resize",
            "erase:0.0625..0.25:0.0625",
            "brightness:1.25..2:0.25",
            "contrast:1.25..2:0.25",
            "blur:5..20:5",
            "gaussian:sigma01=0.025..0.1:0.025",
            "jpeg:90..10:-20",
        ),
    ),
    "@social": ("what networks do to a picture", ("social:large", "social:medium", "social:small")),
}
"""Summary and specs of each preset."""
