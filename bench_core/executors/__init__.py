"""Where a plan runs: here, or in a pool of processes."""
