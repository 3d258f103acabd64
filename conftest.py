"""What holds for every test of the repository: examples that hypothesis makes are the same each time, and untimed."""

from hypothesis import settings

settings.register_profile("bench", deadline=None, derandomize=True)
settings.load_profile("bench")
