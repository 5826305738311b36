"""The Arrow IPC stream: the result as it is, types and all, with the end-of-stream mark that tells it is whole."""

from collections.abc import Iterator

import pyarrow as pa

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.pipeline import closing
from gateway.formats.sinks import ChunkSink


class Arrow:
    """Record batches as they come, uncompressed, so that every Arrow reader takes them."""

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"
    file_suffix = ".arrows"
    binary = True
    streams = True

    def encode(
        self,
        schema: pa.Schema,
        batches: Iterator[pa.RecordBatch],
        options: FormatOptions = DEFAULTS,  # noqa: ARG002 - Arrow leaves no choice
    ) -> Iterator[bytes]:
        sink = ChunkSink()
        writer = pa.ipc.new_stream(sink, schema)
        with closing(batches):
            yield sink.take()
            for batch in batches:
                writer.write_batch(batch)
                yield sink.take()
        writer.close()
        yield sink.take()
