"""Tracking as an ONNX graph."""
