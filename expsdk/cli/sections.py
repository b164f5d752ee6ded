"""The help of the command as a whole: its verbs under headings."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["Verbs"]


class Verbs(TyperGroup):
    """The verbs, each under the heading that its `rich_help_panel` names; rich itself would be slow to load."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a list of verbs for each heading."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, command) for name, command in commands if command is not None and not command.hidden]
        width = max(len(name) for name, _ in shown)
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown:
            short = command.get_short_help_str(formatter.width - 6 - width)
            sections.setdefault(str(getattr(command, "rich_help_panel", "")), []).append((name.ljust(width), short))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)
