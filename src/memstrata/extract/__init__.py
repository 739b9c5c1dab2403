"""Extraction: what in a conversation is worth remembering, and what exactly was said."""
