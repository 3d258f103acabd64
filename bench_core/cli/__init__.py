"""The command line: one module a command group; each parses, and leaves the work to the library."""
