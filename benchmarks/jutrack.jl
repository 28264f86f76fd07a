# JuTrack by itself: its own space charge with its own derivatives, and its SPEAR3 lattice.

module JuTrackAlone

using JuTrack

function cell(d1, q1, k1, d2, q2, k2, d3)
    box = (a=0.02, b=0.02, Nl=12, Nm=12)
    [
        DRIFT_SC(; len=d1, Nsteps=4, box...),
        QUAD_SC(; len=q1, k1, Nsteps=4, box...),
        DRIFT_SC(; len=d2, Nsteps=8, box...),
        QUAD_SC(; len=q2, k1=k2, Nsteps=4, box...),
        DRIFT_SC(; len=d3, Nsteps=4, box...),
    ]
end

const KNOBS = [0.2, 0.1, 29.6, 0.4, 0.1, -29.6, 0.2]

beam(r) = Beam(r; energy=1e9, current=200.0, mass=m_p, charge=1.0)

function tracked(r)
    b = beam(copy(Matrix{Float64}(r)))
    linepass!(cell(KNOBS...), b)
    b.r
end

"""Slopes of the emittance growth in x by JuTrack's own first-order TPSA in seven knobs, and its value."""
function gradients(r)
    set_tps_dim(7)
    start = Matrix{Float64}(r)
    growth = function (knobs...)
        b = beam(DTPSAD.(start))
        get_emittance!(b)
        before = b.emittance[1]
        linepass!(cell(knobs...), b)
        get_emittance!(b)
        b.emittance[1] / before - 1
    end
    Gradient(growth, KNOBS, true)
end

# a list of 824 elements in one expression, interpreted: inference overflows the stack over it
module Demo
Base.Experimental.@compiler_options compile=min infer=no
using JuTrack
include(joinpath(pkgdir(JuTrack), "src", "demo", "SPEAR3", "spear3.jl"))
end

const START = [1e-3, 0.0, 1e-3, 0.0, 0.0, 0.0]
const RING = Ref{Any}()
const RING_TPSA = Ref{Any}()

function prepare()
    set_tps_dim(6)
    RING[] = JuTrack.AbstractElement{Float64}[e for e in Base.invokelatest(Demo.spear3)]
    RING_TPSA[] = Number2TPSAD(RING[])
    length(RING[])
end

ring() = RING[]

function turn(x, ring)
    b = Beam([x[1] x[2] x[3] x[4] x[5] x[6]])
    ringpass!(ring, b, 1)
    b.r[1, :]
end

one_turn() = turn(START, RING[])

function jacobian_tpsa()
    set_tps_dim(6)
    JuTrack.Jacobian((x...) -> turn(x, RING_TPSA[]), START)
end

function jacobian_enzyme()
    mode = set_runtime_activity(Forward)
    columns = map(1:6) do i
        seed = Float64.(1:6 .== i)
        autodiff(mode, turn, Duplicated, Duplicated(START, seed), Const(RING[]))[1]
    end
    reduce(hcat, columns)
end

end
