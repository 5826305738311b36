"""Reads Avro object files: Iceberg's manifests and manifest lists, without importing PyIceberg's readers.

PyIceberg's own reader costs a second of imports and binds a record object per field; this one only
borrows its compiled decoder and yields plain dicts. Source: Avro 1.11 specification; Iceberg table
spec, "Appendix A: Avro" (maps with integer keys are arrays of key-value records).
"""

import json
import zlib
from array import array
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from catalog.errors import CorruptFileError

Reader: TypeAlias = Callable[[Any], Any]
"""Takes a decoder positioned at a value, returns the value."""

_MAGIC = b"Obj\x01"


def read_avro(content: bytes, location: str) -> Iterator[dict[str, Any]]:
    """Yield the records of an Avro object file.

    Shape: records and maps are dicts, maps from int to long the bytes of keys and values in turn; bytes and
    fixed are bytes; logical types stay as stored (days, microseconds).
    Raises: CorruptFileError.
    """
    try:
        yield from _records(content)
    except (EOFError, IndexError, KeyError, ValueError, TypeError, zlib.error, json.JSONDecodeError) as error:
        raise CorruptFileError(f"{location} is not a readable Avro file: {error or type(error).__name__}") from error


def _records(content: bytes) -> Iterator[dict[str, Any]]:
    if content[:4] != _MAGIC:
        raise ValueError("wrong magic number")
    head = _decoder(content[4:])
    meta = _read_meta(head)
    sync = head.read(16)
    reader = _reader(json.loads(meta["avro.schema"]), {})
    codec = meta.get("avro.codec", b"null").decode()
    position = 4 + head.tell()
    while position < len(content):
        blocks = _decoder(content[position : position + 20])
        count, length = blocks.read_int(), blocks.read_int()
        start = position + blocks.tell()
        decoder = _decoder(_decompress(codec, content[start : start + length]))
        for _ in range(count):
            yield reader(decoder)
        position = start + length + 16
        if content[position - 16 : position] != sync:
            raise ValueError("a block does not end where it says")


def _decoder(content: bytes) -> Any:
    try:
        from pyiceberg.avro.decoder_fast import CythonBinaryDecoder as Decoder
    except ImportError:  # a platform without the compiled wheel
        from pyiceberg.avro.decoder import StreamingBinaryDecoder as Decoder  # type: ignore[assignment]
    return Decoder(content)


def _read_meta(decoder: Any) -> dict[str, bytes]:
    meta: dict[str, bytes] = {}
    while (count := _block_count(decoder)) != 0:
        for _ in range(count):
            key = decoder.read_utf8()
            meta[key] = decoder.read_bytes()
    return meta


def _block_count(decoder: Any) -> int:
    count: int = decoder.read_int()
    if count < 0:  # followed by the block's length in bytes
        decoder.read_int()
        count = -count
    return count


def _decompress(codec: str, block: bytes) -> bytes:
    match codec:
        case "null":
            return block
        case "deflate":
            return zlib.decompress(block, -15)
        case "zstandard":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(block)
        case "snappy":  # raw snappy; four bytes of CRC32 follow
            import pyarrow as pa

            size = _plain_varint(block)
            return bytes(pa.decompress(block[:-4], decompressed_size=size, codec="snappy", asbytes=True))
    raise ValueError(f"codec {codec} is unknown")


def _plain_varint(block: bytes) -> int:
    size = shift = 0
    for byte in block:
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size
        shift += 7
    raise ValueError("a snappy block has no length")


def _reader(schema: Any, named: dict[str, Reader]) -> Reader:
    """Return a reader for a schema; ``named`` holds the named types seen so far."""
    if isinstance(schema, list):
        return _union(schema, named)
    if isinstance(schema, str):
        return named[schema] if schema in named else _PRIMITIVES[schema]
    kind = schema["type"]
    match kind:
        case "record":
            return _named(schema, named, _record)
        case "fixed":
            size = schema["size"]
            return _named(schema, named, lambda *_: lambda decoder: decoder.read(size))
        case "enum":
            symbols = schema["symbols"]
            return _named(schema, named, lambda *_: lambda decoder: symbols[decoder.read_int()])
        case "array":
            return _array(schema, named)
        case "map":
            return _map(_reader(schema["values"], named))
    return _reader(kind, named)


def _named(schema: Any, named: dict[str, Reader], make: Callable[[Any, dict[str, Reader]], Reader]) -> Reader:
    reader = make(schema, named)
    named[schema["name"]] = reader
    return reader


def _record(schema: Any, named: dict[str, Reader]) -> Reader:
    fields = [(field["name"], _reader(field["type"], named)) for field in schema["fields"]]

    def read(decoder: Any) -> dict[str, Any]:
        return {name: reader(decoder) for name, reader in fields}

    return read


def _union(schemas: list[Any], named: dict[str, Reader]) -> Reader:
    readers = [_reader(schema, named) for schema in schemas]
    return lambda decoder: readers[decoder.read_int()](decoder)


def _array(schema: Any, named: dict[str, Reader]) -> Reader:
    items = schema["items"]
    if (
        isinstance(items, dict)
        and items["type"] == "record"
        and [f["name"] for f in items["fields"]] == ["key", "value"]
    ):
        types = [field["type"] for field in items["fields"]]
        if types == ["int", "bytes"]:
            return _int_bytes_map
        if types == ["int", "long"]:
            return _int_int_map
        return _pairs(_reader(types[0], named), _reader(types[1], named))
    item = _reader(items, named)

    def read(decoder: Any) -> list[Any]:
        values: list[Any] = []
        while (count := _block_count(decoder)) != 0:
            values.extend(item(decoder) for _ in range(count))
        return values

    return read


def _int_bytes_map(decoder: Any) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    while (count := _block_count(decoder)) != 0:
        decoder.read_int_bytes_dict(count, values)
    return values


def _int_int_map(decoder: Any) -> bytes:
    """Return key, value, key, value, … as native 64-bit integers: a dict per map would be taken apart at once."""
    pairs = b""
    while (count := _block_count(decoder)) != 0:
        block = decoder.read_ints(count * 2)  # an array of 8-byte items from the compiled decoder, else a tuple
        pairs += block.tobytes() if isinstance(block, array) else array("q", block).tobytes()
    return pairs


def _pairs(key: Reader, value: Reader) -> Reader:
    def read(decoder: Any) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        while (count := _block_count(decoder)) != 0:
            for _ in range(count):
                name = key(decoder)
                values[name] = value(decoder)
        return values

    return read


def _map(value: Reader) -> Reader:
    return _pairs(lambda decoder: decoder.read_utf8(), value)


_PRIMITIVES: dict[str, Reader] = {
    "null": lambda _: None,
    "boolean": lambda decoder: decoder.read_boolean(),
    "int": lambda decoder: decoder.read_int(),
    "long": lambda decoder: decoder.read_int(),
    "float": lambda decoder: decoder.read_float(),
    "double": lambda decoder: decoder.read_double(),
    "bytes": lambda decoder: decoder.read_bytes(),
    "string": lambda decoder: decoder.read_utf8(),
}
