# SPDX-License-Identifier: Apache-2.0
"""ONNX files: what is in one (file.py), and a Graph of a network that is quantized already (model.py).

`rows` is a room of functions, one for each op, which say what it becomes. A float network becomes Keras in
converters/onnx_to_keras.py. The package onnx, which is an extra, is loaded where a file is read.
"""
