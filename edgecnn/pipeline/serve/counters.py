# SPDX-License-Identifier: Apache-2.0
"""What a server counts, in the text format that Prometheus reads (version 0.0.4)."""

from bisect import bisect_left
from collections import Counter
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # bounds of the buckets


class Counters:
    """Counts of requests to predict, which many threads add to."""

    def __init__(self, model: str) -> None:
        """Begin at 0 for a model of that SHA-256."""
        self._model = model
        self._lock = Lock()
        self._statuses: Counter[int] = Counter()
        self._buckets = [0] * (len(_SECONDS) + 1)
        self._images, self._total = 0, 0.0

    def add(self, status: int, images: int, seconds: float) -> None:
        """Count a request that was answered, and the images in it that a model looked at."""
        with self._lock:
            self._statuses[status] += 1
            self._buckets[bisect_left(_SECONDS, seconds)] += 1
            self._images += images
            self._total += seconds

    def text(self) -> str:
        """Return all counts."""
        with self._lock:
            statuses, buckets = dict(self._statuses), list(self._buckets)
            images, total = self._images, self._total
        lines = [
            *_head("edgecnn_model_info", "gauge", "The model that is served."),
            f'edgecnn_model_info{{sha256="{self._model}"}} 1',
            *_head("edgecnn_requests_total", "counter", "Answers to POST /predict, by HTTP status."),
            *(
                f'edgecnn_requests_total{{status="{status}"}} {statuses[status]}'
                for status in sorted(statuses)
            ),
            *_head("edgecnn_images_total", "counter", "Images that the model answered."),
            f"edgecnn_images_total {images}",
            *_head("edgecnn_request_seconds", "histogram", "Time that POST /predict took."),
        ]
        below = 0
        for bound, count in zip((*map(str, _SECONDS), "+Inf"), buckets, strict=True):
            below += count
            lines.append(f'edgecnn_request_seconds_bucket{{le="{bound}"}} {below}')
        lines += [f"edgecnn_request_seconds_sum {total:.6f}", f"edgecnn_request_seconds_count {below}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"
