from pathlib import Path

import pytest

from gateway.engines.java import Java
from gateway.engines.spark import launch
from gateway.settings import resolve


def java(version: str, *modules: str) -> Java:
    return Java("/java", version, frozenset(modules), "test")


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("17.0.1", set()),
        ("21.0.1", set()),
        ("22", {"--enable-native-access=ALL-UNNAMED"}),
        ("25.0.2", {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"}),
    ],
)
def test_a_jvm_gets_no_option_that_it_does_not_know(version: str, known: set[str]) -> None:
    options = launch.jvm_options(java(version), 2**30)
    later = {"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"}
    assert later & set(options) == known
    assert not any("krb5" in option for option in options)
    assert any("krb5" in option for option in launch.jvm_options(java(version, "java.security.jgss"), 2**30))


def test_the_users_properties_win_but_for_the_address() -> None:
    settings = resolve({"spark.conf": {"sql.ansi.enabled": "false", "connect.grpc.binding.address": "0.0.0.0"}})
    properties = launch.spark_properties(settings, port=1234, folder=Path("/f"))
    assert properties["spark.sql.ansi.enabled"] == "false"
    assert properties["spark.connect.grpc.binding.address"] == "127.0.0.1"
    assert properties["spark.connect.grpc.binding.port"] == "1234"


def test_a_cluster_may_reach_its_driver() -> None:
    cluster = launch.spark_properties(resolve({"spark.master": "spark://h:7077"}), port=1, folder=Path("/f"))
    assert "spark.driver.host" not in cluster
    assert not launch.needs_submit("spark://h:7077")
    assert launch.needs_submit("yarn")
    assert launch.needs_submit("k8s://https://h")


def test_an_argument_file_keeps_awkward_values() -> None:
    text = launch.argument_file(["-Xmx1m"], {"spark.x": 'a "b" c\\d\n#e'}, direct=True)
    assert text == '"-Xmx1m"\n"-Dspark.x=a \\"b\\" c\\\\d\\n#e"\n'


def test_other_settings_are_another_server() -> None:
    spark = launch.SparkInstallation(Path("/s"), "4.3.0")
    prints = {
        launch.fingerprint(resolve(values), spark, java("25"))
        for values in ({"spark.driver_memory": "1GB"}, {"spark.driver_memory": "2GB"}, {"spark.conf": {"a": "b"}})
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("values", "cores"),
    [
        ({"spark.master": "local[3]"}, 3),
        ({"spark.master": "local"}, 1),
        ({"spark.master": "yarn", "spark.conf": {"executor.instances": "4", "executor.cores": "2"}}, 8),
    ],
)
def test_cores_are_what_the_settings_say(values: dict[str, object], cores: int) -> None:
    assert launch.cores(resolve(values)) == cores
