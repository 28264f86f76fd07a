"""Write the kernels: `python -m pyjutrack.maps.codegen`."""

from pathlib import Path

from . import map_kernels, program_kernel, tangent_kernel

for module in (map_kernels, program_kernel, tangent_kernel):
    name = module.__name__.rpartition(".")[2]
    target = Path(__file__).parent.with_name("generated") / f"{name}.py"
    target.write_text(module.source())
