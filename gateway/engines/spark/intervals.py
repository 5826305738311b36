"""Year-month intervals, which Spark sends as an Arrow type that pyarrow can receive but not touch.

pyarrow 26 has no Python class for ``month_interval`` (32-bit months), so even looking at such a column raises.
Its layout is that of int32; here a batch passes through the Arrow C data interface and comes back as int32.
Source: https://arrow.apache.org/docs/format/CDataInterface.html, formats ``tiM`` and ``i``.
"""

import ctypes

import numpy as np
import pyarrow as pa


class _CSchema(ctypes.Structure):
    """struct ArrowSchema."""


_CSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_CSchema))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
_C_ARRAY_BYTES = 80
_INT32 = b"i"  # at module level: the exported schema points at these bytes until it is imported again


def months_as_int32(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with every year-month interval, nested ones too, as int32 months. Copies no values."""
    schema, array = _CSchema(), ctypes.create_string_buffer(_C_ARRAY_BYTES)
    batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
    _rename(schema)
    return pa.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))


def _rename(schema: _CSchema) -> None:
    if schema.format == b"tiM":
        schema.format = _INT32
    for i in range(schema.n_children):
        _rename(schema.children[i].contents)


def widen_months(months: pa.Array) -> pa.Array:
    """Return int32 months as month_day_nano_interval."""
    values = months.fill_null(0).to_numpy(zero_copy_only=False)
    wide = np.zeros(len(values), dtype=[("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    wide["months"] = values
    validity = pa.array(months.is_valid()).buffers()[1] if months.null_count else None
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(months), [validity, pa.py_buffer(wide)])
