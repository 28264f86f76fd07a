"""
The Julia engine of pyjutrack: tracking by JuTrack, networks by NNlib, derivatives by Enzyme.

Coordinates and signs are those of the Python package, and fields of elements those of JuTrack;
`conventions.jl` alone knows where they differ. Make a [`study`](@ref) and ask for [`track`](@ref),
[`pushforward`](@ref), [`pullback`](@ref) or [`jacobian`](@ref).
"""
module PyJuTrack

using Enzyme: Enzyme, Active, BatchDuplicated, Const, Duplicated, Forward, Reverse, autodiff
using Enzyme.EnzymeRules: EnzymeRules
using JSON: JSON
using JuTrack: JuTrack
using NNlib: DenseConvDims, conv, leakyrelu, ∇conv_data
using PrecompileTools: @compile_workload, @setup_workload
using SHA: sha256
using LinearAlgebra: mul!
using Statistics: mean

# what is tracked, and in what
export Reference, Study, make, study
export Gridless, Mesh, SpaceCharge, Spectral, Surrogate, surrogate
# what is asked
export jacobian, jacobian_derivatives, probes, pullback, pushforward, track, track!

include("enzyme.jl")

# networks
include("layers.jl")
include("network.jl")
include("files.jl")
include("ghosts.jl")

# coordinates, elements
include("conventions.jl")
include("checks.jl")
include("opaque.jl")
include("wedges.jl")
include("wakes.jl")
include("elements.jl")
include("origins.jl")
include("chunks.jl")

# space charge
include("shapes.jl")
include("mesh.jl")
include("pairs.jl")
include("sines.jl")
include("potentials.jl")
include("kicks.jl")
include("gridless.jl")

# tracking
include("line.jl")
include("lattice.jl")
include("inverses.jl")
include("smooth.jl")
include("exact_bends.jl")
include("reversed.jl")
include("gaps.jl")
include("radiating.jl")
include("flows.jl")
include("frames.jl")
include("interrupt.jl")
include("clock.jl")
include("tracking.jl")
include("forward.jl")
include("reverse.jl")
include("second.jl")
include("rules.jl")
include("analysis.jl")
include("series.jl")
include("precompile.jl")

end
