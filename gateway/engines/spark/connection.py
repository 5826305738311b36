"""A connection to one Spark server: a session per time zone, so that concurrent queries do not share the setting."""

import threading
from dataclasses import dataclass

from gateway.engines.base import Relation
from gateway.engines.spark.client import ConnectSession
from gateway.engines.spark.relations import relation_plan
from gateway.engines.spark.views import Views
from gateway.settings import Settings

_MEANING = {
    # The reference dialect, whatever the server's own defaults are.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.legacy.timeParserPolicy": "EXCEPTION",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.orderByOrdinal": "true",
}
_READING = {
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.parquet.fieldId.read.ignoreMissing": "false",
    "spark.sql.parquet.fieldId.write.enabled": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.localRelationCacheThreshold": str(64 * 1024 * 1024),
}
_CLOSED = {
    # What a statement could reach beside the relations it was given.
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.variable.substitute": "false",
}


@dataclass(frozen=True)
class ZoneSession:
    """A session whose time zone is fixed, and its views."""

    session: ConnectSession
    views: Views


class Connection:
    """Sessions on one server. Thread safe."""

    def __init__(self, remote: str, settings: Settings) -> None:
        self._remote = remote
        self._settings = settings
        self._lock = threading.Lock()
        self._zones: dict[str, ZoneSession] = {}

    def session(self, time_zone: str) -> ZoneSession:
        """Return the session of a time zone, opened if need be.

        Raises: EngineDiedError when the server does not answer; EngineUnavailableError when it refuses us.
        """
        with self._lock:
            found = self._zones.get(time_zone)
            if found is None:
                found = self._zones[time_zone] = self._open(time_zone)
            return found

    def _open(self, time_zone: str) -> ZoneSession:
        session = ConnectSession(self._remote)
        try:
            session.configure(
                _MEANING
                | _READING
                | _CLOSED
                | {
                    "spark.sql.session.timeZone": time_zone,
                    "spark.sql.execution.arrow.maxRecordsPerBatch": str(self._settings.results.batch_rows),
                }
            )
        except BaseException:
            session.close()
            raise

        def create(name: str, source: Relation) -> None:
            session.create_view(name, relation_plan(source))

        return ZoneSession(session, Views(create, session.drop_view))

    def close(self) -> None:
        """Release every session."""
        with self._lock:
            zones, self._zones = list(self._zones.values()), {}
        for zone in zones:
            zone.session.close()
