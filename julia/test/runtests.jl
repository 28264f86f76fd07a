using JuTrack: JuTrack
using LinearAlgebra: dot
using PyJuTrack
using Random: MersenneTwister
using Test

const RNG = MersenneTwister(1)

"""Our coordinates from JuTrack's, or back."""
r_ours(r) = r .* [1 1 1 1 -1 1]

"""A package that tests use where the project has it, or nothing."""
function optional(name)
    id = Base.identify_package(name)
    id === nothing ? (@info "$name is not in this project: its tests are left out") : Base.require(id)
end

const FILES = (
    "networks", "space_charge", "tracking", "flows", "inverses", "rules", "test_utils", "test_jet", "package",
)

@testset "PyJuTrack" begin
    @testset "$file" for file in FILES
        include("$file.jl")
    end
end
