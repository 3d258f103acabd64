"""Detectors of what is salient in a photo, for training where there are no maps. It imports nothing heavy."""
