"""
The Julia engine of pyjutrack: tracking by JuTrack, networks by NNlib, derivatives by Enzyme.

Coordinates and signs are those of the Python package, and fields of elements those of JuTrack;
`conventions.jl` alone knows where they differ.
"""
module PyJuTrack

using Enzyme: Enzyme, Active, BatchDuplicated, Const, Duplicated, Forward, Reverse, autodiff
using Enzyme.EnzymeRules: EnzymeRules
using JSON: JSON
using JuTrack: JuTrack
using NNlib: DenseConvDims, conv, leakyrelu, ∇conv_data
using SHA: sha256
using LinearAlgebra: mul!
using Statistics: mean

# networks
include("layers.jl")
include("network.jl")
include("files.jl")
include("ghosts.jl")

# coordinates, elements
include("conventions.jl")
include("opaque.jl")
include("elements.jl")
include("chunks.jl")

# space charge
include("shapes.jl")
include("mesh.jl")
include("pairs.jl")
include("potentials.jl")
include("kicks.jl")
include("gridless.jl")

# tracking
include("line.jl")
include("inverses.jl")
include("smooth.jl")
include("interrupt.jl")
include("tracking.jl")
include("forward.jl")
include("reverse.jl")
include("second.jl")
include("rules.jl")
include("analysis.jl")
include("series.jl")

end
