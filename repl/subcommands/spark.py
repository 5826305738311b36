"""``headgate spark``: the local Spark server of a home."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gateway.units import human_duration, plural
from repl.exits import DONE
from repl.subcommands.opening import opened_gateway
from repl.terminal import Terminal

if TYPE_CHECKING:
    from gateway.engines.spark.server import ServerStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=["start", "status", "stop"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Start, look at or stop the server; ``status`` prints one line per server on standard output."""
    from gateway.engines.spark import server

    with opened_gateway(arguments) as gateway:
        match arguments.action:
            case "start":
                terminal.status("starting Spark")
                server.start(gateway.settings, gateway.home)
                terminal.say("Spark is ready")
            case "status":
                terminal.stdout.write(_status_text(server.status(gateway.home)).encode())
            case "stop":
                terminal.say(f"stopped {plural(server.stop(gateway.home), 'server')}")
    return DONE


def _status_text(servers: "Iterable[ServerStatus]") -> str:
    lines = [
        f"{'ready' if server.ready else 'starting'}\tport {server.address.port}"
        f"\tidle {human_duration(server.idle_for_seconds * 1000)}\tlog {server.log}\n"
        for server in servers
    ]
    return "".join(lines) or "stopped\n"
