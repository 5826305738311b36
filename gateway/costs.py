"""Predicted wall time on each engine: a small model with coefficients that a site can replace.

The forms and the defaults come from measurements of TPC-H and TPC-DS at scale 0.1 and 1 on two
cores (docs/benchmarks.md); CPU seconds are predicted first, so that cores, memory and load stay
in the formula and out of the coefficients.
"""

from dataclasses import dataclass

from gateway.bound import QueryShape
from gateway.engines.base import Capabilities, Health
from gateway.estimates import Estimates


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One engine. Times in seconds."""

    start: float
    """From submission to the first work, engine running."""
    per_stage: float
    """Scheduling of one shuffle stage; 0 for an engine without stages."""
    cpu_fixed: float
    """CPU of one query whatever it reads."""
    cpu_per_byte: float
    """Decompressing and decoding one compressed byte."""
    cpu_per_row: float
    """Passing one row through one operator."""
    cpu_per_file: float
    """Opening one file and reading its footer."""
    parallel_efficiency: float
    """Share of a core's time that each further core adds."""
    cold: float
    """Added when the engine must be started first."""
    spill_per_byte: float
    """Writing and reading back one byte that memory does not hold."""


DUCKDB = Coefficients(
    start=0.004,
    per_stage=0.0,
    cpu_fixed=0.002,
    cpu_per_byte=2.0e-9,
    cpu_per_row=1.8e-8,
    cpu_per_file=0.0004,
    parallel_efficiency=0.85,
    cold=0.0,
    spill_per_byte=2.0e-9,
)
SPARK = Coefficients(
    start=0.16,
    per_stage=0.087,
    cpu_fixed=0.9,
    cpu_per_byte=1.4e-8,
    cpu_per_row=1.2e-7,
    cpu_per_file=0.004,
    parallel_efficiency=0.85,
    cold=14.0,
    spill_per_byte=3.0e-9,
)

DEFAULTS = {"duckdb": DUCKDB, "spark": SPARK}


def predict_ms(
    coefficients: Coefficients, estimates: Estimates, shape: QueryShape, capabilities: Capabilities, health: Health
) -> float:
    """Return predicted wall milliseconds of a query on an engine."""
    cores = 1 + (capabilities.cores - 1) * coefficients.parallel_efficiency
    cpu = (
        coefficients.cpu_fixed
        + coefficients.cpu_per_byte * estimates.bytes_planned
        + coefficients.cpu_per_row * estimates.rows * operators(shape)
        + coefficients.cpu_per_file * estimates.files_planned
    )
    spilled = max(0.0, estimates.state_bytes - 0.8 * capabilities.memory_limit_bytes)
    seconds = coefficients.start + coefficients.per_stage * stages(shape) + cpu / cores
    seconds += coefficients.spill_per_byte * spilled
    if health is Health.COLD:
        seconds += coefficients.cold
    elif health is Health.STARTING:
        seconds += coefficients.cold / 2
    return seconds * 1000


def operators(shape: QueryShape) -> float:
    """Return how many passes over its rows a query makes, weighted by what one row costs there."""
    return (
        1.0
        + 1.0 * shape.joins
        + 10.0 * shape.cross_joins
        + 1.5 * shape.aggregates
        + 3.0 * shape.windows
        + 2.0 * (shape.sorts if shape.limit is None else 0)
        + 2.0 * shape.distincts
    )


def stages(shape: QueryShape) -> int:
    """Return the shuffle stages that Spark will need, about."""
    return 1 + shape.joins + 2 * shape.aggregates + shape.windows + shape.sorts + shape.distincts + shape.set_operations
