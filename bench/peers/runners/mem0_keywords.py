"""mem0 with the sparse encoder that its keyword branch would download."""

from __future__ import annotations

import mem0_plain
from job import run
from sparse import Encoder

mem0_plain.memory.vector_store._bm25_encoder = Encoder()
run(mem0_plain.remember, mem0_plain.search)
