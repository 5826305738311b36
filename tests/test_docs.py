"""Each setting, command and format is in the README. ``python tests/test_docs.py`` writes the table of settings."""

import argparse
import re
from pathlib import Path

import pytest

from gateway.formats import FORMATS
from gateway.session import DIALECTS
from gateway.settings import names
from gateway.units import human_bytes, human_duration
from repl.arguments import SQL, SUBCOMMANDS, parser_of

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- settings: written by `python tests/test_docs.py` -->\n"
END = "<!-- end of settings -->\n"


def settings_table() -> str:
    """Return the README's table of settings."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, key in names().items():
        free = not isinstance(key.default, bool | int | float | str)
        shown = f"`{name}.*`" if free else f"`{name}`"
        meaning = str(key.metadata["doc"]).replace("|", "\\|")
        rows.append(f"| {shown} | {'' if free else default_text(key.default, key.metadata['unit'])} | {meaning} |")
    return "\n".join(rows) + "\n"


def default_text(value: bool | float | str, unit: str) -> str:
    """Return a default as a user would write it; 0 and empty have their meaning in the last column."""
    if isinstance(value, bool):
        return str(value).lower()
    if unit == "bytes" and value:
        return human_bytes(float(value))
    if unit == "seconds" and value:
        return human_duration(float(value) * 1000)
    return f"{value:g}" if isinstance(value, float) else str(value)


def with_table(readme: str) -> str:
    """Return the README with the table of the settings there are."""
    before, _, rest = readme.partition(BEGIN)
    return before + BEGIN + settings_table() + END + rest.partition(END)[2]


def test_the_table_of_settings_is_that_of_the_code() -> None:
    readme = README.read_text("utf-8")

    assert BEGIN in readme
    assert with_table(readme) == readme, "run python tests/test_docs.py"


@pytest.mark.parametrize("name", [name for name in SUBCOMMANDS if name != SQL])
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"headgate {name} " in README.read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_in_the_readme(name: str) -> None:
    formats = README.read_text("utf-8").partition("### Output formats")[2].partition("###")[0]

    assert f"`{name}`" in formats


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_in_the_readme(dialect: str) -> None:
    assert f"`{dialect}`" in README.read_text("utf-8")


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_option_is_in_the_readme(command: str) -> None:
    readme = README.read_text("utf-8")
    actions = [action for action in parser_of(command)._actions if not isinstance(action, argparse._HelpAction)]
    missing = [
        action.option_strings
        for action in actions
        if action.option_strings
        and not any(re.search(rf"{re.escape(each)}\b", readme) for each in action.option_strings)
    ]

    assert missing == []


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
