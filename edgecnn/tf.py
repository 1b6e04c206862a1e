# SPDX-License-Identifier: Apache-2.0
"""The only import of TensorFlow: quiet, with Keras 2, and repeatable.

Importing this module takes about 4 s, so the command line does it inside the functions that train
or convert.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from edgecnn.errors import EdgecnnError, MissingToolError
from edgecnn.stderr import dropped_stderr

# tensorflow-model-optimization takes Keras 2 models only; tf.keras is Keras 2 where this is set.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["KERAS_BACKEND"] = "tensorflow"  # of Keras 3, whose models TensorFlow converts
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what TensorFlow's C++ side writes to standard error; the exceptions that it raises say enough."""
    with dropped_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _hidden(*packages: str) -> Iterator[None]:
    """Let imports take packages for missing."""
    hidden = {name: None for name in packages if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# Both bring copies of the same C++ symbols. Loaded after TensorFlow, tflite-runtime fails on every model
# ("vector::reserve"); loaded before, both work.
with suppress(ImportError):
    import tflite_runtime.interpreter  # noqa: F401

try:
    # Keras 3 loads these two where they are installed, for plots and wrappers that nothing here uses; that
    # would be a fourth of all the time that it takes.
    with quiet(), _hidden("matplotlib", "sklearn"):
        import tensorflow as tf
        import tensorflow_model_optimization as tfmot
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
        from tensorflow.lite.python.optimize.calibrator import Calibrator
        from tensorflow.python.autograph.core import config as autograph
        from tensorflow.python.framework import convert_to_constants
except ImportError as error:
    raise MissingToolError(
        f"training and converting need TensorFlow, but {error.name} is missing here; "
        "install it with: pip install 'edgecnn[train]'"
    ) from error

import keras as keras3  # noqa: E402, which TensorFlow has loaded, too

# Neither has Python's `if` or `for` over tensors, which AutoGraph would rewrite; to look for them takes a
# quarter of the time in which a network that the toolkit has wrapped becomes a graph.
_PLAIN = tuple(map(autograph.DoNotConvert, ("edgecnn", "tensorflow_model_optimization")))
autograph.CONVERSION_RULES = (*_PLAIN, *autograph.CONVERSION_RULES)

keras = tf.keras
tf.get_logger().setLevel("ERROR")
THREADS = 2


def make_repeatable(seed: int, threads: int = THREADS) -> None:
    """Make training a function of its data, options, `seed` and `threads` alone.

    Sums are split by thread, so another number of threads gives other last bits, and after some
    epochs another model.

    Raises:
        EdgecnnError: TensorFlow has been used in this process with another number of threads.
    """
    try:
        _pin_threads(threads)
    except RuntimeError as error:
        raise EdgecnnError(
            f"TensorFlow runs already and can't be brought to {threads} threads; use a process of its own"
        ) from error
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def _pin_threads(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


# TensorFlow fixes its threads at the first operation; whoever used it before us keeps theirs.
with suppress(RuntimeError):
    _pin_threads(THREADS)

__all__ = [
    "THREADS",
    "Calibrator",
    "SavedModel",
    "convert_to_constants",
    "keras",
    "keras3",
    "make_repeatable",
    "quiet",
    "tf",
    "tfmot",
]
