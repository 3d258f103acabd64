"""The leaderboard: a static site made from a database of results; it opens from disk, without a network or a server."""
