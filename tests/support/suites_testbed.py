"""A small suite over the testbed, and the frame its tests run in."""

SUITE = """
title = "Tiny table"
paper = "Somebody: Something. Somewhere, 2020"
table = "Table 1"
task = "steganography"
published_data = "a thousand photos"
columns = [
  { title = "five", pair = "secret", metric = "mean-error", degradations = "shift:5" },
  { title = "plain", pair = "secret", metric = "mean-error", degradations = "plain" },
  { title = "container", pair = "container", metric = "mean-error", measured_only = true },
  { title = "bytes", pair = "channel", metric = "encoded_bytes", degradations = "shift:5", measured_only = true },
]
data = [
  { name = "A thousand photos", datasets = "folder:thousand", env = "BENCH_THOUSAND", size = "1024" },
  { name = "Tiny", datasets = "tiny", size = "8", limit = 4 },
]
reported = [
  { row = "Keeper", values = [1000.5, 2000.25], note = "as cited" },
  { row = "Absent", values = [3000, "-"] },
]

[[methods]]
label = "keep"
row = "Keeper"
plugin = "keep"
settings = { level = 7 }

[[methods]]
label = "by level"
row = "Keeper"
plugin = "keep"
degradations = "shift:5"
weights = "runs/a/best.safetensors"
train = "bench train keep --out runs/a"

[[methods]]
label = "by level"
row = "Keeper"
plugin = "keep"
degradations = "plain"
weights = "runs/b/best.safetensors"
train = "bench train keep --out runs/b"

[[methods]]
label = "own"
plugin = "dice"
weights = "runs/dice/best.safetensors"
own_first = true
note = "not in the paper"

[[methods]]
label = "gone"
row = "Absent"
plugin = "no-such-method"

[[methods]]
label = "unbuildable"
plugin = "unbuildable"

[[caveats]]
number = 4
text = "photos are not noise"
"""

GRAY = """
title = "Tiny gray table"
paper = "Somebody: Something. Somewhere, 2020"
table = "Table 2"
task = "invertible-grayscale"
published_data = "photos"
floor = "floor"
floor_pairs = ["restored"]
floor_metrics = ["mean-error"]
columns = [{ title = "restored", pair = "restored", metric = "mean-error", degradations = "plain" }]
data = [{ name = "Tiny", datasets = "tiny" }]
reported = [{ row = "Other", values = [1] }]

[[methods]]
label = "floor"
plugin = "graykeep"

[[methods]]
label = "same as the floor"
plugin = "graykeep"
row = "Other"
"""
