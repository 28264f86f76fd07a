"""
What pyjutrack evaluates in Julia.

So far: networks as `pyjutrack convert NAME NAME.nnlib` writes them, run by NNlib, with their
derivatives layer by layer, forward and back.
"""
module PyJuTrack

using JSON: JSON
using NNlib: DenseConvDims, conv, leakyrelu, ∇conv_data
using SHA: sha256
using Statistics: mean

include("layers.jl")
include("network.jl")
include("files.jl")
include("border.jl")

end
