"""mem0 with the sparse encoder that its keyword branch would download plays scenarios."""

from __future__ import annotations

import play_mem0
from playing import serve
from sparse import Encoder

serve(play_mem0.handed, lambda: play_mem0.reset(Encoder()), play_mem0.add, play_mem0.search, play_mem0.forget)
play_mem0.close()
