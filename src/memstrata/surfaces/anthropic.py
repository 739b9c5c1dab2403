"""Anthropic's memory tool on a `Memory`: hand it to the SDK's tool runner, and the files last.

Needs the `anthropic` package, which is no dependency. The same files are there over MCP with the profile `anthropic`.
"""

from __future__ import annotations

from collections.abc import Callable

from anthropic.lib.tools import ToolError
from anthropic.tools.memory import BetaAbstractMemoryTool
from anthropic.types.beta import (
    BetaMemoryTool20250818CreateCommand,
    BetaMemoryTool20250818DeleteCommand,
    BetaMemoryTool20250818InsertCommand,
    BetaMemoryTool20250818RenameCommand,
    BetaMemoryTool20250818StrReplaceCommand,
    BetaMemoryTool20250818ViewCommand,
)

from memstrata.core.messages import checked_scope
from memstrata.errors import MemstrataError
from memstrata.memory import Memory
from memstrata.surfaces.mcp import commands
from memstrata.surfaces.mcp.here import Everything, Here, Refused


class MemoryTool(BetaAbstractMemoryTool):
    """The files below /memories of one scope: `MemoryTool(memory, user_id="ann")`. What is refused is a `ToolError`."""

    def __init__(
        self,
        memory: Memory,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        super().__init__()
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        self._here = Here(memory=memory, scope=scope, caller=Everything())

    def view(self, command: BetaMemoryTool20250818ViewCommand) -> str:
        """See `commands.view`."""
        return _said(lambda: commands.view(self._here, command.path, command.view_range))

    def create(self, command: BetaMemoryTool20250818CreateCommand) -> str:
        """See `commands.create`."""
        return _said(lambda: commands.create(self._here, command.path, command.file_text))

    def str_replace(self, command: BetaMemoryTool20250818StrReplaceCommand) -> str:
        """See `commands.str_replace`."""
        return _said(lambda: commands.str_replace(self._here, command.path, command.old_str, command.new_str))

    def insert(self, command: BetaMemoryTool20250818InsertCommand) -> str:
        """See `commands.insert`."""
        return _said(lambda: commands.insert(self._here, command.path, command.insert_line, command.insert_text))

    def delete(self, command: BetaMemoryTool20250818DeleteCommand) -> str:
        """See `commands.delete`."""
        return _said(lambda: commands.delete(self._here, command.path))

    def rename(self, command: BetaMemoryTool20250818RenameCommand) -> str:
        """See `commands.rename`."""
        return _said(lambda: commands.rename(self._here, command.old_path, command.new_path))

    def clear_all_memory(self) -> str:
        """Erase every file of the scope for good."""
        return _said(lambda: commands.clear(self._here))


def _said(run: Callable[[], str]) -> str:
    try:
        return run()
    except (Refused, MemstrataError) as error:
        raise ToolError(str(error)) from error
