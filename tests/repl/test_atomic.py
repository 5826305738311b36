import errno
import os
import stat
from pathlib import Path

import pytest

from catalog.errors import DiskFullError, FileAccessError
from repl.atomic import atomic_file


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with atomic_file(path) as stream:
        stream.write(b"a\n1\n")
        assert not path.exists()

    assert path.read_bytes() == b"a\n1\n"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_failure_leaves_the_old_file_and_no_debris(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def interrupted() -> None:
        with atomic_file(path) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_permissions_of_an_existing_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_file(path) as stream:
        stream.write(b"new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with atomic_file(tmp_path / "link.csv") as stream:
        stream.write(b"new")

    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with atomic_file(path) as stream:
        stream.write(b"data")

    assert os.read(reader, 10) == b"data"
    os.close(reader)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="is a folder"), atomic_file(tmp_path):
        pass


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"no/out\.csv: No such file"), atomic_file(tmp_path / "no" / "out.csv"):
        pass


def test_a_full_disk_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="no space left"), atomic_file(tmp_path / "out.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full_is_called_so() -> None:
    with pytest.raises(DiskFullError), atomic_file(Path("/dev/full")) as stream:
        stream.write(b"x" * 100_000)
