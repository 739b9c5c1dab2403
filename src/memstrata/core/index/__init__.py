"""The fast form of `core.candidates`: one scope's columns, postings and vectors in memory. Knows no files."""
