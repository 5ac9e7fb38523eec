"""Commands: the table of what `huidu` can be told, and where each is made once it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer._click.shell_completion import CompletionItem
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

DAILY = "huidu.cli.daily"
PROJECTS = "huidu.cli.projects"


@dataclass(frozen=True, slots=True)
class Row:
    """A command that is loaded when it is asked for, so that all the others begin quickly.

    `place` reads `module:function`; the function is told how to connect, and returns the command
    or a group of them. The summary is the first sentence of its help (a test compares them).
    """

    name: str
    summary: str
    place: str = ""  #: Empty where `main` has it.


#: In the order in which they are listed, by title.
SECTIONS: Mapping[str, tuple[Row, ...]] = {
    "Projects": (
        Row("init", "Begin a project in a folder.", f"{PROJECTS}.beginning:command"),
        Row("dev", "Run the project of a folder here, and follow what is saved in it.",
            "huidu.cli.dev.command:command"),
        Row("deploy", "Deploy the project of a folder.", f"{PROJECTS}.deploying:command"),
        Row("info", "Show what is deployed of a project: where it answers, and who gets which "
            "version.", f"{PROJECTS}.showing:command"),
        Row("remove", "Take a project off the server.", f"{PROJECTS}.removing:command"),
    ),
    "Daily work": (
        Row("ls", "List functions, or what one function has.", f"{DAILY}.listing:command"),
        Row("publish", "Freeze $LATEST as the next version.", f"{DAILY}.publishing:command"),
        Row("invoke", "Call a function and print its answer.", f"{DAILY}.invoking:command"),
        Row("logs", "Show what functions print, and how their calls ended; -f follows.",
            "huidu.cli.options:command"),
        Row("top", "Watch calls, errors and durations of each version, live.",
            f"{DAILY}.top:command"),
        Row("queue", "Show, end and play again calls that nobody waits for.",
            f"{DAILY}.queue:commands"),
        Row("events", "Show what happened: moves of aliases, releases, throttling, with who and "
            "why.", "huidu.cli.events:command"),
        Row("timers", "Show timers: what they call, and when they fire.",
            f"{DAILY}.timers:commands"),
    ),
    "Releases": (
        Row("alias", "Show and move aliases: who gets which version.", f"{DAILY}.alias:commands"),
        Row("rule", "Send some calls of an alias elsewhere by what they show.",
            f"{DAILY}.rule:commands"),
        Row("rollout", "Release a version step by step, by evidence; take it back.",
            "huidu.cli.rollout.commands:commands"),
        Row("rollback", "Take back what an alias was given last.", f"{DAILY}.back:rollback"),
        Row("undo", "Bring an alias back to what it was before a change.", f"{DAILY}.back:undo"),
        Row("history", "Show who moved an alias, when and why.", f"{DAILY}.back:history"),
        Row("explain", "Say which version a call reaches, and why.", f"{DAILY}.explain:command"),
        Row("diff", "Compare two versions, or a project with what is deployed.",
            f"{DAILY}.diff:command"),
        Row("mirror", "Let a version answer live calls unseen, and compare, before any user meets "
            "it.", "huidu.cli.mirrors:commands"),
    ),
    "The platform": (
        Row("serve", "Run the platform in the foreground, until SIGTERM or Ctrl-C."),
        Row("doctor", "Say what this machine gives: how functions can be sealed off, which "
            "languages there are."),
        Row("settings", "List every setting with its default."),
        Row("console", "Print a link that signs in to the console, once.",
            "huidu.cli.console:command"),
        Row("keys", "Who may ask for what: access keys and their roles.",
            "huidu.cli.keys:commands"),
        Row("env", "Print export lines that point the official clients at the local server."),
        Row("proxy", "Lead unchanged clients of the cloud, such as sls, to a server.",
            "huidu.cli.proxy:command"),
        Row("api", "Any action of the API; nested fields are given as JSON, '-' reads standard "
            "input.", "huidu.cli.api:commands"),
        Row("reference", "Print the reference of the API in Markdown.",
            "huidu.cli.reference:command"),
        Row("completion", "Print what has a shell complete the words of huidu.",
            f"{DAILY}.completing:command"),
        Row("version", "Print the version, and whether the hot path is compiled."),
    ),
}  # fmt: skip
BY_NAME: Mapping[str, Row] = {row.name: row for rows in SECTIONS.values() for row in rows}


class Commands(TyperGroup):
    """The commands by section, each loaded when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's own are private
        """Return the names of all, in the order of the table."""
        return [*BY_NAME, *(name for name in self.commands if name not in BY_NAME)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """Return a command, or None where there is none of this name."""
        row = BY_NAME.get(cmd_name)
        if row is not None and row.place and cmd_name not in self.commands:
            self.commands[cmd_name] = loaded(row, ctx.find_root().obj)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """List them without loading any."""
        others = [name for name in self.commands if name not in BY_NAME]
        for title, rows in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(row.name, row.summary) for row in rows])
        if others:
            with formatter.section("More"):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(200)) for name in others]
                )

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - as above
        """Complete the name of a command without loading any, an option as usual."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        told = {name: BY_NAME[name].summary for name in names if name in BY_NAME}
        return [CompletionItem(name, help=told.get(name)) for name in names]


def loaded(row: Row, connect: object) -> Any:  # noqa: ANN401 - as above
    """Return a command as typer runs it."""
    module, _, name = row.place.partition(":")
    made = getattr(import_module(module), name)(connect)
    if isinstance(made, TyperCommand):
        return made
    if isinstance(made, typer.Typer):
        made.info.name = row.name
        return get_group(made)
    alone = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    alone.command(row.name)(made)
    return get_command(alone)
