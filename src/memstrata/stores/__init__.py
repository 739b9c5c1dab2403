"""Where memories live: the store in memory (the executable specification) and SQLite (the default)."""
