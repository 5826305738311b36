"""The folder that holds everything headgate keeps: catalog, warehouse, results, history, logs."""

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import FileAccessError, HomeVersionError

LAYOUT_VERSION = 1
"""Grows when an older headgate could not read what this one writes."""


@dataclass(frozen=True)
class Home:
    """Paths inside the home; each folder is made when first used."""

    root: Path

    @property
    def settings_file(self) -> Path:
        return self.root / "headgate.toml"

    @property
    def catalog_database(self) -> Path:
        return self.root / "catalog.sqlite"

    @property
    def state_database(self) -> Path:
        """Query history and what else must survive a restart."""
        return self.root / "state.sqlite"

    @property
    def warehouse(self) -> Path:
        """Data and metadata of managed tables."""
        return self.root / "warehouse"

    @property
    def spool(self) -> Path:
        """Snapshots of results."""
        return self.root / "spool"

    @property
    def temp(self) -> Path:
        """Spill files; nothing here outlives its process."""
        return self.root / "tmp"

    @property
    def cache(self) -> Path:
        """What can be made again: data files with deletes applied, file listings."""
        return self.root / "cache"

    @property
    def spark(self) -> Path:
        """The shared local Spark Connect server: its address, process id, lock and log."""
        return self.root / "spark"


def default_root() -> Path:
    """Return HEADGATE_HOME, else ``~/.headgate``."""
    return Path(os.environ.get("HEADGATE_HOME") or Path.home() / ".headgate")


def open_home(root: Path | str | None = None) -> Home:
    """Return the home, made if missing.

    Raises: HomeVersionError when a newer headgate wrote it; FileAccessError when it cannot be made.
    """
    home = Home(Path(root or default_root()).expanduser().absolute())
    marker = home.root / "VERSION"
    try:
        version = int(marker.read_text())
    except FileNotFoundError:
        version = 0
    except (OSError, ValueError) as error:
        raise FileAccessError(f"{marker} cannot be read: {error}", hint="choose another --home") from error
    if version > LAYOUT_VERSION:
        raise HomeVersionError(
            f"{home.root} was written by a newer headgate (layout {version}, this one knows {LAYOUT_VERSION})",
            hint="upgrade headgate, or choose another --home",
        )
    if version == 0:
        try:
            home.root.mkdir(parents=True, exist_ok=True)
            marker.write_text(f"{LAYOUT_VERSION}\n")
        except OSError as error:
            raise FileAccessError(
                f"cannot make the home {home.root}: {error.strerror}", hint="choose another --home"
            ) from error
    return home
