"""The extension points: Protocols that a store or a model implements. Batch first; frozen values across the seam."""

from memstrata.ports.models import AttachingModel, ChatModel, Embedder, Extractor, LanguageModel, LocalModel, P, Part
from memstrata.ports.stores import AccessStore, ArtifactStore, Blobs, ExchangeStore, FactStore, SalienceStore, Store

__all__ = [
    "AccessStore",
    "ArtifactStore",
    "AttachingModel",
    "Blobs",
    "ChatModel",
    "Embedder",
    "ExchangeStore",
    "Extractor",
    "FactStore",
    "LanguageModel",
    "LocalModel",
    "P",
    "Part",
    "SalienceStore",
    "Store",
]
