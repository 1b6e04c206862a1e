# SPDX-License-Identifier: Apache-2.0
"""model_card.md: what a model is, what it was trained on, how good it is, and what it is not for.

The sections are those of Mitchell et al. 2019, "Model cards for model reporting", arXiv:1810.03993.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgecnn import DISCLAIMER
from edgecnn.compiler.ir import SQUASHED
from edgecnn.escape import code_for_markdown, for_markdown
from edgecnn.evaluation.results import RunMetrics
from edgecnn.evaluation.summary import (
    baseline_note,
    binary_rows,
    calibration_rows,
    latency_note,
    provenance,
    summary_rows,
    variant_title,
)
from edgecnn.files import write_text

_TEMPLATE = """\
# Model card: {model}

{disclaimer} Nothing here has been validated clinically.

## Model

{summary}

- Input: {input}
- Answer: {answer}
- Made with edgecnn {version}; options, seed and package versions are in `run.json`

## Intended use

To learn, to compare networks, and to try what a device can do with pictures like those it was trained on. Not
for decisions about people, above all not for diagnosis; not for pictures of another kind or origin.

## Data

{data}

{images}

## Results

On {test_images:,} test images that training did not see.

{results}

## Limits

{limits}
"""


def write_model_card(path: Path, record: Mapping[str, Any], metrics: RunMetrics) -> None:
    """Write the card of a run; the same run gives the same bytes.

    Args:
        path: the file.
        record: the content of run.json.
        metrics: the figures of the run.

    Raises:
        EdgecnnError: `path` can't be written.
    """
    data = record["data"]
    images = [
        (name, *(f"{data['images'][part][name]:,}" for part in ("train", "validation", "test")))
        for name in record["classes"]
    ]
    text = _TEMPLATE.format(
        model=for_markdown(f"{record['model']} on {Path(data['source']).name}"),
        disclaimer=DISCLAIMER,
        summary=for_markdown(provenance(record, metrics)),
        input=_input(record),
        answer=_answer(metrics),
        version=record["versions"].get("edgecnn", "of unknown version"),
        data=f"{code_for_markdown(data['source'])}, fingerprint (SHA-256) `{data['fingerprint']}`.",
        images=_table(("images", "train", "validation", "test"), images),
        test_images=metrics.test_images,
        results=_results(metrics),
        limits="\n".join(f"- {for_markdown(limit)}" for limit in _limits(record, metrics)),
    )
    write_text(path, text)


def _input(record: Mapping[str, Any]) -> str:
    """Say what comes in, and how it is made of a file."""
    height, width, channels = record["input_shape"]
    if ranges := record["data"].get("ranges"):
        spans = for_markdown(ranges.replace(":", " to ").replace(",", ", "))
        return (
            f"{height}x{width}x{channels} numbers, by channels; what is 0 to 1 to it is {spans}, and what "
            "lies beyond is held at the end"
        )
    fit, by = record["train"].get("fit", SQUASHED.fit), record["train"].get("resize", SQUASHED.resize)
    kind = "grey" if channels == 1 else "RGB"
    return (
        f"{height}x{width} pixels, {kind}{_window(record['data'])}, a byte divided by 255; "
        f"files are decoded and resized by edgecnn's integer rule ({fit}, {by})"
    )


def _window(data: Mapping[str, Any]) -> str:
    """Say which values a byte was made of, where images have more than 8 bits."""
    if data.get("window") is None:
        return ""
    low, high = data["window"].split(":")
    return f", of which the values {low} to {high} became bytes"


def _answer(metrics: RunMetrics) -> str:
    if metrics.masks:
        return "for each pixel, how probable it is that something is there"
    return f"how probable each class is: {for_markdown(', '.join(metrics.classes))}"


def _results(metrics: RunMetrics) -> str:
    parts = [_table(*summary_rows(metrics))]
    if two := binary_rows(metrics):
        parts += [f"Positive is {for_markdown(metrics.classes[1])}:", _table(*two)]
    if calibration := calibration_rows(metrics):
        parts += ["How far probabilities are from what is so:", _table(*calibration)]
    arena = metrics[metrics.chosen].costs.arena_bytes
    if arena is not None:
        title = for_markdown(variant_title(metrics.chosen))
        parts.append(f"As C, {title} needs {arena:,} bytes of memory for activations.")
    parts.append(for_markdown(f"{latency_note(metrics)} {baseline_note(metrics)}".strip()))
    return "\n\n".join(parts)


def _limits(record: Mapping[str, Any], metrics: RunMetrics) -> list[str]:
    limits = []
    if record["data"]["synthetic"]:
        limits.append("The pictures are synthetic, drawn by edgecnn: the figures say nothing of real ones.")
    limits += [f"Data check: {finding}." for finding in record["data"].get("findings", ())]
    if record["train"]["weights"] != "none":
        limits.append(f"It began with weights learned elsewhere ({record['train']['weights']}).")
    if left := metrics.post_training:
        limits.append(f"Quantized after training only: {', '.join(left)}.")
    limits.append(
        "The test images come from the same source as those it learned from; on others it may do far worse."
    )
    return limits


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; its cells are plain text."""
    lines = (map(for_markdown, columns), ["---"] * len(columns), *(map(for_markdown, row) for row in rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
