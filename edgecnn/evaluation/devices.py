# SPDX-License-Identifier: Apache-2.0
"""What models did on another machine: rows for a table, and a section of report.html."""

from collections.abc import Mapping
from typing import Any, TypedDict

from edgecnn.escape import for_html
from edgecnn.evaluation.html import note, text_table
from edgecnn.evaluation.summary import microseconds, percent, variant_title
from edgecnn.values import Count, Share


class _Machine(TypedDict):
    model: str
    cores: Count
    governor: str | None


class _Options(TypedDict):
    threads: Count


class _Images(TypedDict):
    count: Count


class _Accuracy(TypedDict):
    share: Share


class _Latency(TypedDict):
    median: float
    p95: float


class _Measured(TypedDict):
    runtime: str
    delegate: str
    accuracy: _Accuracy
    latency_us: _Latency
    peak_memory_mb: float
    bytes: Count


class Measurements(TypedDict):
    """What benchmarks/on_device.py writes, as far as it is shown."""

    machine: _Machine
    options: _Options
    images: _Images
    models: dict[str, _Measured]


class DeviceReport(Measurements):
    """What a run keeps of it."""

    address: str  # of the device, as it was given


COLUMNS = ("model", "runtime", "accuracy", "median µs", "p95 µs", "peak MB", "bytes")
SPARE_COLUMNS = ("peak MB", "p95 µs", "runtime")  # that a narrow page may leave out, the first ones first


def device_title(report: Mapping[str, Any]) -> str:
    """Return a line on what was measured on; `report` is one of `Measurements`."""
    about, options = report["machine"], report["options"]
    return (
        f"{about['model']}, {about['cores']} cores, governor {about['governor'] or 'unknown'}, "
        f"{options['threads']} thread(s), {report['images']['count']:,} test images"
    )


def device_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row of text for each model, in the order of `COLUMNS`."""
    return [_row(name, result) for name, result in report["models"].items()]


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    delegate = f", {result['delegate']}" if result["delegate"] != "none" else ""
    return (
        variant_title(name),
        result["runtime"] + delegate,
        percent(result["accuracy"]["share"]),
        microseconds(result["latency_us"]["median"]),
        microseconds(result["latency_us"]["p95"]),
        f"{result['peak_memory_mb']:.1f}",
        f"{result['bytes']:,}",
    )


def device_section(report: Mapping[str, Any]) -> tuple[str, str]:
    """Return the heading and the body of a section of report.html; HTML."""
    body = f"{text_table(COLUMNS, device_rows(report))}\n{note(f'{for_html(device_title(report))}.')}"
    return f"On {for_html(report['address'])}", body
