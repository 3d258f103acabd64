"""The pairs of pictures that the tasks compare, by what a metric may mean something on."""

COLOR = ("container", "secret", "host", "restored", "colorized")
"""Pictures in color: not a gray carrier, nor the channel that carries it."""

CARRIER = ("container", "grayscale")
"""What is sent, beside the picture it should pass for."""

PAYLOAD = ("secret", "restored")
"""What the carrier holds: the pictures (or the colors) that are hidden in it."""
