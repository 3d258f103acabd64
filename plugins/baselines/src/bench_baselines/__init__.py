"""Methods without a network, to read every table against."""
