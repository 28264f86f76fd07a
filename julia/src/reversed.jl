# Elements whose way back is no element of JuTrack's: those with fringes, which are explicit in what
# particles are before them.

"""
    Reversed(element)

The inverse of an element with fringes. Length and angle are negative in it, frames those of the way
back, and faces and fringes those of the way there.
"""
struct Reversed{E<:JuTrack.AbstractElement{Float64}} <: JuTrack.AbstractElement{Float64}
    element::E
end

const Fringed = Union{JuTrack.KQUAD{Float64},JuTrack.KSEXT{Float64},JuTrack.KOCT{Float64}}

function reversed(e)
    e.rad == 0 && iszero(e.KickAngle) || return nothing
    back = negated(backwards(e), :len)
    Reversed(hasproperty(e, :angle) ? negated(back, :angle) : back)
end

inverse(e::ExactBend) = reversed(e)

function move!(back::Reversed, r::Matrix{Float64}, particles)
    row, e, lost = zeros(6), back.element, particles.lost_flag
    enter_frame!(e, r, lost)
    for p in eachindex(lost)
        lost[p] == 0 || continue
        row .= @view r[p, :]
        unpass_row!(e, row)
        r[p, :] .= row
    end
    leave_frame!(e, r, lost)
end

function unpass_row!(e::ExactBend, row)
    curvature = e.angle / e.len
    JuTrack.Yrot!(row, -e.e2, 1.0)
    e.FringeBendExit == 0 || undo_row!(u -> JuTrack.bend_fringe!(u, -curvature, e.gK, 1.0), row)
    undo_row!(u -> fringe_of_gradients!(e, u, e.FringeQuadExit, -1.0), row)
    JuTrack.bend_edge!(row, curvature, e.e2, 1.0)
    bend_by_steps!(e, row, curvature, 0.0)
    row[5] -= e.len
    JuTrack.bend_edge!(row, curvature, e.e1, 1.0)
    undo_row!(u -> fringe_of_gradients!(e, u, e.FringeQuadEntrance, 1.0), row)
    e.FringeBendEntrance == 0 || undo_row!(u -> JuTrack.bend_fringe!(u, curvature, e.gK, 1.0), row)
    JuTrack.Yrot!(row, -e.e1, 1.0)
    nothing
end

function unpass_row!(e::Fringed, row)
    strengths = [e.k0, e.k1, e.k2 / 2, e.k3 / 6]
    fringe!(u, side) = JuTrack.multipole_fringe!(u, e.len, e.PolynomA, strengths, e.MaxOrder, side, 1, 1.0)
    e.FringeQuadExit == 0 || undo_row!(u -> fringe!(u, -1.0), row)
    move_row!(e, reshape(row, 1, 6), 1)
    e.FringeQuadEntrance == 0 || undo_row!(u -> fringe!(u, 1.0), row)
    nothing
end

# far more than any fringe takes through which a particle is not lost
const MOST_TRIALS = 100

"""
    undo_row!(f!, row)

What a map `f!` that changes little makes this row of: trials are mended by what they fail by, until
that falls no more.
"""
function undo_row!(f!::F, row) where {F}
    wanted, trial, failed = copy(row), copy(row), Inf
    # the fifth may be meters, of which rounding is far more
    bounds = max.(1e-14, 8 .* eps.(wanted))
    for _ in 1:MOST_TRIALS
        trial .= row
        f!(trial)
        trial .= wanted .- trial
        worst = maximum(((miss, bound),) -> abs(miss) / bound, zip(trial, bounds))
        worst < failed || break
        failed = worst
        row .+= trial
    end
    failed < 1 || throw(
        ArgumentError(
            "no place before a fringe is found of the particle that is at $wanted after it; " *
            "take the forward mode, or lose such particles at an aperture",
        ),
    )
    nothing
end
