"""Opening the gateway that a command line asks for."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.errors import InvalidSettingError
from repl.arguments import settings_options
from repl.exits import UsageError
from repl.startup import import_arrow_alone

if TYPE_CHECKING:
    from gateway.service import Gateway


@contextmanager
def opened_gateway(arguments: argparse.Namespace) -> "Iterator[Gateway]":
    """Yield the gateway of ``--home`` with the settings of ``--set``, and close it.

    Raises: UsageError for a setting that cannot be.
    """
    import_arrow_alone()
    from gateway.service import Gateway

    try:
        gateway = Gateway.open(arguments.home, settings_options(arguments.set))
    except InvalidSettingError as error:
        raise UsageError(error.message, hint=error.hint) from error
    try:
        yield gateway
    finally:
        gateway.close()
