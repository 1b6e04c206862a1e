# SPDX-License-Identifier: Apache-2.0
"""The web page beside TensorFlow.js in the same browser, and ai-edge-litert in Python, on one model.

    npm install --prefix peers @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
    python benchmarks/web.py runs/demo peers        writes benchmarks/results/web.json

Times are of one inference, without decoding or resizing, one thread; peers run in turn, figures are medians
over the rounds, ratios hold for this run only. TensorFlow.js runs the float32 model that the int8 one was
made of, on its WebAssembly backend with vectors; there is no GPU. Needs chromium, chromium-driver, clang,
lld, wasi-libc, selenium and a run of a plain sequential network.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from provenance import RESULTS, ROOT, first_line, provenance

from edgecnn.converters.c_to_web import page_text
from edgecnn.files import write_json, write_text
from edgecnn.models import load_model

ROUNDS, AT_ONCE = 7, 50  # browsers' clocks are too coarse for a single inference
SIMD = "tfjs-backend-wasm-simd.wasm"
UNUSED = ("tfjs-backend-wasm.wasm", "tfjs-backend-wasm-threaded-simd.wasm")  # asked for all the same
OUR_TIMES = """
const [count, done] = arguments;
ready.then((c) => {
  const start = performance.now();
  for (let i = 0; i < count; ++i) c.run();
  done((performance.now() - start) / count);
});
"""
THEIR_TIMES = """
const [count, done] = arguments;
ready.then(async (model) => {
  const start = performance.now();
  for (let i = 0; i < count; ++i) tf.tidy(() => model.predict(input).dataSync());
  done((performance.now() - start) / count);
});
"""
THEIR_ANSWER = """
const [done] = arguments;
ready.then((model) => done(Array.from(model.predict(input).dataSync())), (error) => done(String(error)));
"""
THEIR_PAGE = """<!DOCTYPE html>
<script src="{tfjs}"></script>
<script src="{backend}"></script>
<script>
const layers = {layers};
const input = tf.tensor({input}, {shape});
const ready = (async () => {{
  tf.wasm.setWasmPaths({paths});
  if (!(await tf.setBackend("wasm"))) throw new Error("no WebAssembly backend");
  const model = tf.sequential();
  for (const {{kind, config, weights}} of layers) {{
    const layer = tf.layers[kind](config);
    model.add(layer);
    layer.setWeights(weights.map(([shape, text]) =>
      tf.tensor(new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer), shape)));
  }}
  return model;
}})();
</script>
"""
KINDS = {"Conv2D": "conv2d", "MaxPooling2D": "maxPooling2d", "Flatten": "flatten", "Dense": "dense"}
FIELDS = ("filters", "kernel_size", "strides", "padding", "activation", "pool_size", "units")


def main() -> None:
    """Measure, print the figures and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("npm", type=Path, help="where npm has installed TensorFlow.js")
    options = parser.parse_args()
    sys.path.append(str(ROOT / "tests" / "helpers"))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.run, options.npm / "node_modules" / "@tensorflow")
    versions = {
        "chromium": first_line(["chromium", "--version"]),
        "clang": first_line(["clang", "--version"]),
        "tfjs": json.loads((options.npm / "node_modules/@tensorflow/tfjs/package.json").read_text())[
            "version"
        ],
        "ai-edge-litert": version("ai-edge-litert"),
    }
    result = {"command": "python benchmarks/web.py runs/demo peers", **provenance(), **versions, **figures}
    write_json(RESULTS / "web.json", result)
    print(json.dumps(result, indent=2))


def measure(folder: Path, run: Path, npm: Path) -> dict[str, Any]:
    """Return sizes, and milliseconds of one inference for each peer, as medians over the rounds."""
    browser = import_module("browser").browser
    int8 = (run / "model_int8.tflite").read_bytes()
    page = page_text(int8, run.name)
    write_text(folder / "ours.html", page)
    model = load_model(run / "model.keras")
    image = np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32)
    write_text(folder / "theirs.html", their_page(model, image, npm))
    litert = interpreter(int8)
    times: dict[str, list[float]] = {"page": [], "tfjs_wasm": [], "ai_edge_litert": []}
    with browser() as ours, browser() as theirs:
        ours.open(folder / "ours.html")
        theirs.open(folder / "theirs.html")
        check(theirs.driver, model, image)
        for round_ in range(-1, ROUNDS):  # the first warms up
            figures = {
                "page": ours.driver.execute_async_script(OUR_TIMES, AT_ONCE),
                "tfjs_wasm": theirs.driver.execute_async_script(THEIR_TIMES, AT_ONCE),
                "ai_edge_litert": litert_time(litert),
            }
            for name, value in figures.items():
                times[name] += [value] if round_ >= 0 else []
    medians = {name: statistics.median(values) for name, values in times.items()}
    encoded = json.loads(page.partition('id="model">')[2].partition("</script>")[0])["wasm"]
    wasm = len(encoded) * 3 // 4 - encoded.count("=")
    return {
        "page_bytes": len(page.encode()),
        "wasm_bytes": wasm,
        "tflite_bytes": len(int8),
        "tfjs_bytes": sum(file.stat().st_size for file in peer_files(npm)),
        "milliseconds": {name: round(value, 4) for name, value in medians.items()},
        "rounds": {name: [round(value, 4) for value in values] for name, values in times.items()},
    }


def peer_files(npm: Path) -> tuple[Path, Path, Path]:
    """Return what a page with TensorFlow.js loads: the library, the backend, its WebAssembly."""
    backend = npm / "tfjs-backend-wasm" / "dist"
    return npm / "tfjs" / "dist" / "tf.min.js", backend / "tf-backend-wasm.min.js", backend / SIMD


def their_page(model: Any, image: np.ndarray[Any, Any], npm: Path) -> str:
    """Return a page that has `model` in TensorFlow.js and `image` as its input."""
    tfjs, backend, wasm = peer_files(npm)
    layers = [described(layer) for layer in model.layers if type(layer).__name__ in KINDS]
    data = "data:application/wasm;base64," + b64encode(wasm.read_bytes()).decode()
    layers[0]["config"]["inputShape"] = list(model.input_shape[1:])
    return THEIR_PAGE.format(
        tfjs=tfjs.resolve().as_uri(),
        backend=backend.resolve().as_uri(),
        layers=json.dumps(layers),
        input=image.ravel().tolist(),
        shape=list(image.shape),
        paths=json.dumps({SIMD: data} | dict.fromkeys(UNUSED, "")),
    )


def described(layer: Any) -> dict[str, Any]:
    """Return a layer of Keras as TensorFlow.js takes it: fields in camel case, weights in base64."""
    config = layer.get_config()
    fields = {
        "".join(w.title() if i else w for i, w in enumerate(name.split("_"))): config[name]
        for name in FIELDS
        if name in config
    }
    weights = [[list(w.shape), b64encode(w.astype("<f4").tobytes()).decode()] for w in layer.get_weights()]
    return {"kind": KINDS[type(layer).__name__], "config": fields, "weights": weights}


def check(driver: Any, model: Any, image: np.ndarray[Any, Any]) -> None:
    """End the program where TensorFlow.js does not compute what Keras does."""
    got = driver.execute_async_script(THEIR_ANSWER)
    wanted = model.predict(image, verbose=0).ravel()
    if isinstance(got, str) or not np.allclose(got, wanted, atol=1e-4):
        sys.exit(f"Error: TensorFlow.js computes {got}, Keras {wanted.tolist()}")


def interpreter(model: bytes) -> Any:
    """Return ai-edge-litert's interpreter of a model, with its default kernels, on one thread."""
    module = import_module("ai_edge_litert.interpreter")
    interpreter = module.Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def litert_time(interpreter: Any) -> float:
    """Return the milliseconds that an inference takes."""
    start = time.perf_counter()
    for _ in range(AT_ONCE):
        interpreter.invoke()
    return 1000 * (time.perf_counter() - start) / AT_ONCE


if __name__ == "__main__":
    main()
