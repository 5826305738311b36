"""The portable functions. One row per function and signature; a row is the only thing to add for a new one."""

from gateway.dialects.portability.functions.calls import call, special

__all__ = ["call", "special"]
