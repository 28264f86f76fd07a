using JuTrack: JuTrack
using LinearAlgebra: dot
using PyJuTrack
using Random: MersenneTwister
using Test

const RNG = MersenneTwister(1)

"""Our coordinates from JuTrack's, or back."""
r_ours(r) = r .* [1 1 1 1 -1 1]

const FILES = ("networks", "space_charge", "tracking", "flows", "rules", "package")

@testset "PyJuTrack" begin
    @testset "$file" for file in FILES
        include("$file.jl")
    end
end
