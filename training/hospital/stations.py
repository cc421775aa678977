"""Stations of the demo hospital (eight modalities, one console for both DX and CR), and the pool of its CT scanners."""

from datetime import time

from ris.actions.stations import StationData

STATIONS = (
    StationData("CT01", ("CT",), "CT 1 Aurora", "Room 1.01"),
    StationData("CT02", ("CT",), "CT 2 Emergency", "Room 0.04"),
    StationData("MR01", ("MR",), "MR 1", "Room 1.10"),
    StationData("US01", ("US",), "US 1", "Room 2.03"),
    StationData("DX01", ("DX", "CR"), "DX 1 Bucky", "Room 0.11"),
    StationData("MG01", ("MG",), "MG 1", "Room 2.07"),
    StationData("RF01", ("RF",), "RF 1", "Room 1.15"),
    StationData("NM01", ("NM",), "NM 1 Gamma", "Room -1.02"),
    StationData("XA01", ("XA",), "XA 1 Angio", "Room 1.20"),
)

POOLS = (("ANYCT", "Any CT", ("CT01", "CT02")),)
"""Code, name, AE titles."""

ROUND_THE_CLOCK = (time(0, 0), time(23, 59))
"""Hours of all stations when the demo's day runs into the night."""
