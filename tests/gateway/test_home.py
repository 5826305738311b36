"""The home: made when missing, refused when newer."""

from pathlib import Path

import pytest

from catalog.errors import FileAccessError, HomeVersionError
from gateway.home import LAYOUT_VERSION, open_home


def test_a_missing_home_is_made(tmp_path: Path) -> None:
    home = open_home(tmp_path / "deep" / "home")

    assert (home.root / "VERSION").read_text() == f"{LAYOUT_VERSION}\n"


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    assert open_home(tmp_path) == open_home(tmp_path)


def test_a_home_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(f"{LAYOUT_VERSION + 1}\n")

    with pytest.raises(HomeVersionError, match="newer headgate"):
        open_home(tmp_path)


def test_a_home_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FileAccessError):
        open_home(tmp_path / "file" / "home")


def test_a_marker_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("what")

    with pytest.raises(FileAccessError, match="VERSION"):
        open_home(tmp_path)
