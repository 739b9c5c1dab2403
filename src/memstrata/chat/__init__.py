"""Chat with memory: recall, pack, have a model answer, remember."""

from memstrata.chat.chatting import Answer, Chat, Stream
from memstrata.chat.tools import MEMORY_TOOLS

__all__ = ["MEMORY_TOOLS", "Answer", "Chat", "Stream"]
