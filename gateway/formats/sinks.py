"""A place for libraries to write to whose bytes can be taken away in between."""

import io


class ChunkSink(io.RawIOBase):
    """A writable, unseekable file that keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: list[bytes] = []
        self._size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, chunk: object, /) -> int:
        copied = bytes(chunk)  # type: ignore[call-overload]
        self._chunks.append(copied)
        self._size_bytes += len(copied)
        return len(copied)

    def tell(self) -> int:
        """Return how many bytes were ever written."""
        return self._size_bytes

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken
