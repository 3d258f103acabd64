"""Training through the channel: differentiable stand-ins for degradations, for methods that learn.

Pictures are float tensors N×C×H×W in [0, 1], C = 1 or 3, sides of at least 8 pixels. What draws takes one numpy
generator for each picture, so that a picture's noise depends neither on its batch nor on the device. Half precision
is computed, and returned, as float32. This package needs torch, which hardly anything else of the harness does; import
its modules, not this one.

- `rounding`: roundings that a gradient passes; 8 bits
- `jpeg`: JPEG on tensors; `dct_mask`: frequencies removed (HiDDeN, JRIG)
- `codec`: the harness's own degradations, with an identity gradient
- `noise`: Gaussian and Poisson; `printing`: print and photograph (StegaStamp)
- `mixing`: another channel for each picture of a batch

Which one stands for what, and how near it comes, is in docs/training-channels.md.
"""
