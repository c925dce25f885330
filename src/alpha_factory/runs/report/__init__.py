"""The page that a run leaves: the files of its directory in, `report.html` out."""

from alpha_factory.runs.report.page import write_report

__all__ = ["write_report"]
