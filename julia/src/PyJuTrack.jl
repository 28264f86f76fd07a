"""
The Julia engine of pyjutrack: tracking by JuTrack, networks by NNlib, derivatives by Enzyme.

Coordinates, signs and strengths are those of the Python package; `conventions.jl` alone knows where
JuTrack's differ.
"""
module PyJuTrack

using Enzyme: Enzyme, Const, Duplicated, Forward, Reverse, autodiff, set_runtime_activity
using Enzyme.EnzymeRules: EnzymeRules
using JSON: JSON
using JuTrack: JuTrack
using NNlib: DenseConvDims, conv, leakyrelu, ∇conv_data
using SHA: sha256
using Statistics: mean

# networks
include("layers.jl")
include("network.jl")
include("files.jl")
include("ghosts.jl")

# space charge
include("shapes.jl")
include("mesh.jl")
include("potentials.jl")
include("kicks.jl")
include("rules.jl")

# tracking
include("conventions.jl")
include("interrupt.jl")
include("line.jl")
include("tracking.jl")
include("derivatives.jl")
include("analysis.jl")

end
