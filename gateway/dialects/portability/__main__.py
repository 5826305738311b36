"""Prints docs/portability.md."""

import sys

from gateway.dialects.portability.listing import markdown

sys.stdout.write(markdown())
