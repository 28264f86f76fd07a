"""All files are written."""

from pathlib import Path

names = {"twin", "calibration", "sum", "process"}
assert {p.name for p in Path().iterdir()} == {f"{name}.safetensors" for name in names} | {
    "twin.onnx"
}
