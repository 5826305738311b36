import subprocess
import sys

import pytest

from repl.arguments import SQL, SUBCOMMANDS, VALUE_OPTIONS, parse, parser_of, settings_options
from repl.exits import UsageError


def test_without_a_command_scripts_run_in_the_order_given() -> None:
    arguments = parse(["-c", "select 1", "-f", "a.sql", "--command=select 2", "-f-"])

    assert arguments.subcommand == SQL
    assert arguments.scripts == [("command", "select 1"), ("file", "a.sql"), ("command", "select 2"), ("file", "-")]


def test_parsing_twice_starts_from_nothing() -> None:
    parse(["-c", "select 1"])

    assert parse([]).scripts == []


def test_options_may_stand_before_and_after_the_command() -> None:
    before = parse(["--home", "load", "-q", "--set", "duckdb.threads=2", "load", "a.csv", "--table", "t"])
    after = parse(["load", "a.csv", "--table", "t", "--home", "load", "-q", "--set", "duckdb.threads=2"])

    assert vars(before) == vars(after)
    assert (before.subcommand, before.home, before.quiet) == ("load", "load", True)


def test_a_command_word_inside_a_value_is_a_value() -> None:
    assert parse(["-c", "load"]).scripts == [("command", "load")]
    assert parse(["-o", "spark"]).subcommand == SQL


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_options_with_a_value_are_known_before_the_command(command: str) -> None:
    """Else a value before the command would be taken for it."""
    common = {"--home", "--set", "--user"}
    with_value = {
        name for action in parser_of(command)._actions if action.nargs is None for name in action.option_strings
    }

    assert common <= with_value
    assert with_value <= VALUE_OPTIONS if command == SQL else common <= VALUE_OPTIONS


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["laod", "x"], "unknown command 'laod'", "did you mean load?"),
        (["frobnicate"], "unknown command 'frobnicate'", "SQL goes after -c"),
        (["select 1"], "unknown command 'select 1'", "headgate -c 'select 1'"),
        (["--nonsense"], "unrecognized arguments: --nonsense", "headgate --help"),
        (["--form", "csv"], "unrecognized arguments: --form csv", "headgate --help"),
        (["--engine", "oracle"], "invalid choice: 'oracle'", "headgate --help"),
        (["--timeout", "soon"], "'soon' is not a duration", "headgate --help"),
        (["load", "a.csv"], "required: --table", "headgate load --help"),
        (["--keep-going", "--fail-fast"], "not allowed with", "headgate --help"),
    ],
)
def test_wrong_usage_is_told_with_a_hint(words: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)

    assert message in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(("text", "seconds"), [("30", 30.0), ("1.5", 1.5), ("5m", 300.0), ("200ms", 0.2)])
def test_a_timeout_is_seconds_unless_it_says_otherwise(text: str, seconds: float) -> None:
    assert parse(["--timeout", text]).timeout == seconds


def test_settings_are_names_and_values() -> None:
    assert settings_options(["a.b=1", "c = x=y "]) == {"a.b": "1", "c": "x=y"}
    with pytest.raises(UsageError, match="has no value"):
        settings_options(["a.b"])


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_help_names_every_option(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    shown = subprocess.run([sys.executable, "-m", "repl", *words], capture_output=True, text=True, check=True).stdout

    for action in parser_of(command)._actions:
        assert all(name in shown for name in action.option_strings)
    if command == SQL:
        assert all(name in shown for name in SUBCOMMANDS)


def test_the_version_is_the_packages() -> None:
    shown = subprocess.run([sys.executable, "-m", "repl", "--version"], capture_output=True, text=True, check=True)

    assert shown.stdout.startswith("headgate")
