"""mem0 in folders of its own, with vectors that are handed to it; it asks for a key even where it calls no model."""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.update(MEM0_TELEMETRY="False", OPENAI_API_KEY="unused", MEM0_DIR=tempfile.mkdtemp(), HF_HUB_OFFLINE="1")

from mem0 import Memory


def opened(embedding_model: Any) -> Memory:
    """An empty memory in its default vector store; its keyword branch finds no model offline and stays off."""
    folder = tempfile.mkdtemp()
    memory = Memory.from_config(
        {
            "vector_store": {
                "provider": "qdrant",
                "config": {"path": f"{folder}/qdrant", "embedding_model_dims": 384, "on_disk": True},
            },
            "history_db_path": f"{folder}/history.db",
        }
    )
    memory.embedding_model = embedding_model
    return memory
