"""Application: recall. From a question to ranked hits, and from hits to a context."""
