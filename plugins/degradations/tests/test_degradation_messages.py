"""Every message and note about the built-in degradations, word for word."""

import logging

import pytest

from bench_core.errors import RequestError
from bench_core.grammar import parse_channels
from bench_core.plugins import registry


def ids(*specs):
    return [channel.id for channel in parse_channels(specs, registry().degradations, presets={})]


FRACTION = "quality must be an integer (JPEG has no fractional quality)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jpeg", "quality is required, e.g. jpeg:40 (integer 1..100)"),
        ("jpeg:0", "quality must be an integer from 1 to 100"),
        ("jpeg:101", "quality must be an integer from 1 to 100"),
        ("jpeg:-1", "quality must be an integer from 1 to 100"),
        ("jpeg:high", "quality must be an integer from 1 to 100"),
        ("jpeg:nan", "quality must be an integer from 1 to 100"),
        ("jpeg:40.5", FRACTION),
        ("jpeg:0.4", FRACTION + "; did you mean jpeg:40?"),
        ("jpeg:0.001", FRACTION),
        ("jpeg:40,ss=411", "ss (chroma subsampling) must be one of 420, 422, 444"),
        ("jpeg:90..50:5", "empty range 90..50 with step 5; write 50..90:5 or 90..50:-5"),
        ("jpeg:50..95:0", "step must not be 0"),
        ("jpeg:40++webp:80", "empty stage at position 2"),
        ("jpeg:q=40,q=50", "parameter q given twice"),
        ("jpeg:40,foo=1", "unknown parameter 'foo' for jpeg; known: q, ss"),
        ("jpeg:1..100+gaussian:1/2/3", "sweep expands to 300 points (limit 200); reduce it or pass --max-points 300"),
        (
            "jpeg:10..90:10+gaussian:1..40:1",
            "sweep expands to 360 points (limit 200); reduce it or pass --max-points 400",
        ),
        ("webp", "quality is required, e.g. webp:80 (number 0..100)"),
        ("webp:101", "quality must be a number from 0 to 100 with at most one decimal"),
        ("webp:80.25", "quality must be a number from 0 to 100 with at most one decimal"),
        ("webp:80,method=7", "method must be an integer from 0 to 6"),
        ("webp-lossless:3", "webp-lossless takes no parameters"),
        ("identity:3", "identity takes no parameters"),
        ("quantise:9", "bits must be an integer from 1 to 8"),
        ("gaussian", "sigma is required, e.g. gaussian:10 (number 0..255)"),
        ("gaussian:-1", "sigma must be >= 0 on the 0..255 scale"),
        ("gaussian:256", "sigma must be a number from 0 to 255 (sigma01: from 0 to 1)"),
        ("gaussian:sigma01=2", "sigma must be a number from 0 to 255 (sigma01: from 0 to 1)"),
        ("gaussian:1..10", "a range of sigma needs a step, e.g. 1..10:1"),
        ("gaussian:10,gray=2", "gray must be 0 or 1"),
        ("gaussian:10,clip=0", "unknown parameter 'clip' for gaussian; known: sigma, sigma01, gray"),
        ("gaussian:10,round=0", "unknown parameter 'round' for gaussian; known: sigma, sigma01, gray"),
        ("webp:80,sharp=1", "unknown parameter 'sharp' for webp; known: q, method"),
        ("posterise", "bits is required, e.g. posterise:3 (integer 1..8)"),
        ("lsb-zero:8", "bits must be an integer from 1 to 7"),
        ("png:10", "level must be an integer from 0 to 9"),
        ("avif", "quality is required, e.g. avif:60 (integer 0..100)"),
        ("avif:60.5", "quality must be an integer"),
        ("avif:101", "quality must be an integer from 0 to 100"),
        ("avif:60,ss=411", "ss (chroma subsampling) must be one of 420, 422, 444"),
        ("avif:60,speed=11", "speed must be an integer from 0 to 10"),
        ("jxl", "distance is required, e.g. jxl:1 (number 0..25)"),
        ("jxl:26", "distance must be 0 (lossless) or a number above 0.1 and up to 25 (1 is visually lossless)"),
        ("jxl:0.05", "distance must be 0 (lossless) or a number above 0.1 and up to 25 (1 is visually lossless)"),
        ("jxl:1,effort=10", "effort must be an integer from 1 to 9"),
        ("jp2", "either a rate or a psnr above 0 is required, e.g. jp2:20 (20:1) or jp2:psnr=35"),
        ("jp2:20,psnr=35", "either a rate or a psnr above 0 is required, e.g. jp2:20 (20:1) or jp2:psnr=35"),
        ("jp2-lossless:1", "jp2-lossless takes no parameters"),
        ("speckle:-1", "std must be a number from 0 to 10"),
        ("uniform:256", "amplitude must be a number from 0 to 255"),
        ("salt-pepper:2", "fraction must be a number from 0 to 1"),
        ("salt-pepper:0.1,per=row", "per must be one of pixel, sample"),
        ("impulse", "fraction is required, e.g. impulse:0.06 (number 0..1)"),
        ("blur:-1", "sigma must be a number from 0 to 100"),
        ("median:4", "size must be odd, e.g. median:3"),
        ("median:23", "size must be an integer from 3 to 21"),
        ("box:2", "size must be odd, e.g. box:1"),
        ("motion:0", "length must be an integer from 1 to 201"),
        ("motion:9,spread=200", "spread must be a number from 0 to 180"),
        ("defocus:61", "radius must be a number from 0 to 60"),
        ("sharpen:1,sigma=0", "sigma must be a number from 0.1 to 20"),
        ("brightness", "a factor above 0 or add is required, e.g. brightness:1.5 or brightness:add=0.1"),
        (
            "brightness:1.5,add=0.1",
            "factor and add are two definitions; give one, e.g. brightness:1.5 or brightness:add=0.1",
        ),
        ("contrast:0.5,about=median", "about must be one of gray, channel"),
        ("saturation", "factor is required, e.g. saturation:0.5 (number 0..100)"),
        ("hue:200", "degrees must be a number from -180 to 180"),
        ("gamma:0", "exponent must be a number from 0.01 to 100"),
        ("gray:1", "gray takes no parameters"),
        ("palette:1", "colors must be an integer from 2 to 256"),
        ("rotate:181", "angle must be a number from -180 to 180"),
        ("rotate:5,fill=white", "fill must be one of reflect, edge, 0"),
        ("rotate:5,back=2", "back must be 0 or 1"),
        ("shear:80", "angle must be a number from -60 to 60"),
        ("perspective:0.5", "jitter must be a number from 0 to 0.2"),
        ("perspective:0.1,side=all", "side must be one of none, known"),
        ("translate:0.5", "dx must be an integer from -4096 to 4096"),
        ("flip", "axis is required, e.g. flip:h (h|v|hv)"),
        ("flip:d", "axis must be one of h, v, hv"),
        ("resize:0", "factor must be a number from 0.01 to 4"),
        ("resize:0.5,filter=nearest", "filter must be one of bicubic, bilinear, box, hamming, lanczos"),
        ("pixelate:2", "factor must be a number from 0.01 to 1"),
        ("crop:0", "area must be a number from 0.001 to 1"),
        ("crop:0.5,anchor=left", "anchor must be one of random, centre"),
        ("cropout:1.1", "keep must be a number from 0 to 1"),
        ("dropout", "keep is required, e.g. dropout:0.3 (number 0..1)"),
        ("erase:0.1,fill=1", "fill must be one of 0, mean"),
        ("paste:0", "area must be a number from 0.001 to 1"),
        ("paste:0.1,source=face.png", "source must be one of own, texture"),
        ("double-jpeg:80", "second quality (q2) is required, e.g. double-jpeg:q1=80,q2=60 (integer 1..100)"),
        ("screenshot:5", "factor must be a number from 0.25 to 4"),
        ("screenshot:codec=webp", "codec must be one of png, jpeg"),
        ("social", "size is required, e.g. social:large (large|medium|small)"),
        ("social:facebook", "size must be one of large, medium, small"),
        ("poisson:0", "peak must be between 1 and 1000000 photons at white"),
        ("poisson:1000001", "peak must be between 1 and 1000000 photons at white"),
    ],
)
def test_messages(spec, message):
    with pytest.raises(RequestError) as caught:
        ids(spec)
    assert caught.value.problems == (f"--degrade {spec}: {message}",)
    assert caught.value.exit_code == 2


def test_an_unknown_name_shows_near_ones_and_all():
    with pytest.raises(RequestError) as caught:
        ids("jpg:40")
    known = ", ".join(registry().degradations.names())
    assert caught.value.problems == (f"--degrade: unknown degradation 'jpg'. Did you mean 'jpeg'? Known: {known}",)


def test_notes(caplog):
    with caplog.at_level(logging.WARNING, "bench"):
        assert ids("gaussian:0.04") == ["gaussian:gray=0,sigma=0.04"]
        ids("jpeg:50..93:5", "webp:0.8", "gaussian:sigma01=0.001", "gaussian:0", "gaussian:0.5")
    assert caplog.messages == [
        "--degrade gaussian:0.04: sigma 0.04 is on the 0..255 scale (invisible); "
        "for sigma on 0..1 write gaussian:sigma01=0.04",
        "--degrade jpeg:50..93:5 ends at 90",
        "--degrade webp:0.8: quality 0.8 is on the 0..100 scale; for 80% write webp:80",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("identity", "identity"),
        ("clean", "identity"),
        ("none", "identity"),
        ("quantise", "quantise:bits=8"),
        ("jpeg:40", "jpeg:q=40,ss=420"),
        ("jpeg:ss=444,90", "jpeg:q=90,ss=444"),
        ("webp:80", "webp:method=4,q=80"),
        ("webp:80.5,method=6", "webp:method=6,q=80.5"),
        ("webp-lossless", "webp-lossless"),
        ("gaussian:10", "gaussian:gray=0,sigma=10"),
        ("gaussian:sigma01=0.04,gray=1", "gaussian:gray=1,sigma=10.2"),
        ("poisson", "poisson:gray=0,peak=255"),
        ("poisson:1e6", "poisson:gray=0,peak=1000000"),
        ("gaussian:10+jpeg:80", "gaussian:gray=0,sigma=10+jpeg:q=80,ss=420"),
        ("avif:60", "avif:q=60,speed=6,ss=420"),
        ("jxl:1", "jxl:distance=1,effort=3"),
        ("jp2:20", "jp2:mct=1,psnr=0,rate=20"),
        ("jp2:psnr=35", "jp2:mct=1,psnr=35,rate=0"),
        ("resize:0.5", "resize:back=1,factor=0.5,filter=bicubic"),
        ("crop:0.8", "crop:anchor=random,area=0.8,fill=0,side=none"),
        ("rotate:5", "rotate:angle=5,back=0,fill=reflect,filter=bilinear"),
        ("brightness:add=0.1", "brightness:add=0.1,factor=0"),
        ("screenshot", "screenshot:back=1,codec=png,factor=1.25,p3=0"),
        ("double-jpeg:80,q2=60", "double-jpeg:dx=0,dy=0,q1=80,q2=60,side=none,ss=420"),
    ],
)
def test_canonical_ids(spec, expected):
    assert ids(spec) == [expected]
    assert ids(expected) == [expected]


def jpegs(*qualities):
    return [f"jpeg:q={quality},ss=420" for quality in qualities]


def gaussians(*sigmas):
    return [f"gaussian:gray=0,sigma={sigma}" for sigma in sigmas]


def test_presets():
    riis = ["identity", *gaussians(1, 10), "poisson:gray=0,peak=255", *jpegs(40, 80, 90)]
    assert ids("@riis") == riis
    assert ids("@riis-alt") == [spec.replace("peak=255", "peak=6000") for spec in riis]
    assert ids("@riis-curves") == [*gaussians(*range(1, 11)), *jpegs(*range(40, 91, 10))]
    webps = [f"webp:method=4,q={quality}" for quality in range(75, 101, 5)]
    assert ids("@jrig") == [*jpegs(*range(75, 101, 5)), *webps]
    assert ids("@social") == ["social:size=large", "social:size=medium", "social:size=small"]
    groups = [entry.name for entry in registry().degradations if entry.plugin == "degradations" and entry.is_group]
    severities = [f"@imagenet-c:{severity}" for severity in range(1, 6)]
    assert groups == ["@imagenet-c", *severities, "@jrig", "@riis", "@riis-alt", "@riis-curves", "@social", "@waves"]


IMAGENET_C = {
    1: (20.4, 60, 0.03, (3, 0.1), (21, 3), 0.1, 0.4, 0.6, 25),
    2: (30.6, 25, 0.06, (4, 0.5), (31, 5), 0.2, 0.3, 0.5, 18),
    3: (45.9, 12, 0.09, (6, 0.5), (31, 8), 0.3, 0.2, 0.4, 15),
    4: (66.3, 5, 0.17, (8, 0.5), (31, 12), 0.4, 0.1, 0.3, 10),
    5: (96.9, 3, 0.27, (10, 0.5), (41, 15), 0.5, 0.05, 0.25, 7),
}


def test_imagenet_c_has_the_published_severities():
    for severity, (sigma, peak, struck, disk, line, add, factor, blocks, quality) in IMAGENET_C.items():
        assert ids(f"@imagenet-c:{severity}") == [
            f"gaussian:gray=0,sigma={sigma}",
            f"poisson:gray=0,peak={peak}",
            f"impulse:fraction={struck}",
            f"defocus:alias={disk[1]},radius={disk[0]}",
            f"motion:angle=0,length={line[0]},sigma={line[1]},spread=45",
            f"brightness:add={add},factor=0",
            f"contrast:about=channel,factor={factor}",
            f"pixelate:factor={blocks}",
            f"jpeg:q={quality},ss=420",
        ]
    assert ids("@imagenet-c") == [name for severity in IMAGENET_C for name in ids(f"@imagenet-c:{severity}")]


def test_waves_goes_through_its_ranges_in_quarters():
    expected = ["identity"]
    angles = ("11.25", "22.5", "33.75", "45")
    expected += [f"rotate:angle={angle},back=0,fill=0,filter=bilinear" for angle in angles]
    areas = ("0.875", "0.75", "0.625", "0.5")
    expected += [f"crop:anchor=random,area={area},fill=resize,side=none" for area in areas]
    expected += [f"erase:area={area},fill=0" for area in ("0.0625", "0.125", "0.1875", "0.25")]
    expected += [f"brightness:add=0,factor={factor}" for factor in ("1.25", "1.5", "1.75", "2")]
    expected += [f"contrast:about=gray,factor={factor}" for factor in ("1.25", "1.5", "1.75", "2")]
    expected += [f"blur:sigma={sigma}" for sigma in (5, 10, 15, 20)]
    expected += gaussians("6.375", "12.75", "19.125", "25.5")
    expected += jpegs(90, 70, 50, 30, 10)
    assert ids("@waves") == expected


def test_an_unknown_severity_shows_the_presets():
    with pytest.raises(RequestError) as caught:
        ids("@imagenet-c:6")
    (problem,) = caught.value.problems
    assert problem.startswith("--degrade: unknown preset '@imagenet-c:6'; known: @imagenet-c, @imagenet-c:1, ")


@pytest.mark.parametrize("name", ["diffusion", "vae-regen", "inpaint"])
def test_regeneration_is_left_to_plugins(name):
    with pytest.raises(RequestError, match=f"^--degrade: unknown degradation '{name}'\\. .*Known: "):
        ids(name)
