"""Files of other people's making → the rows of a table, all of them or none.

``load`` finds the sources, learns their types, writes data files into a staging folder and commits once.
"""

from gateway.loading.load import load
from gateway.loading.requests import LoadMode, LoadProgress, LoadReport, LoadRequest, OnError, SourceFormat

__all__ = ["LoadMode", "LoadProgress", "LoadReport", "LoadRequest", "OnError", "SourceFormat", "load"]
