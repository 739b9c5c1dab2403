"""The store in memory: the executable specification of `Store`, and what `Memory(":memory:")` uses."""

from memstrata.stores.memory.store import MemoryStore, open_url

__all__ = ["MemoryStore", "open_url"]
