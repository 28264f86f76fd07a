# The exact bend in a form that Enzyme differentiates backwards. JuTrack's own makes a view of each
# particle in its loop; Enzyme 0.13 keeps these where the garbage collector takes other things for
# objects, and the process ends. Here particles go through JuTrack's maps in one small array.

const ExactBend = JuTrack.ESBEND{Float64}

function move_smoothly!(e::ExactBend, r, lost, particles)
    is_smooth(e) || return move!(e, r, particles)
    enter_frame!(e, r, lost)
    if e.rad == 0
        bend_rows!(e, r, lost, 0.0)
    else
        before = copy(r)
        bend_rows!(e, r, lost, energy_loss(e, particles))
        spread_loss!(e, r, before, lost)
    end
    leave_frame!(e, r, lost)
end

"""Particles through an exact bend, in its own frame."""
function bend_rows!(e::ExactBend, r, lost, loss)
    row = zeros(6)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        for i in 1:6
            row[i] = r[p, i]
        end
        bend_row!(e, row, loss)
        for i in 1:6
            r[p, i] = row[i]
        end
    end
    nothing
end

function bend_row!(e::ExactBend, row, loss)
    curvature = e.angle / e.len
    JuTrack.Yrot!(row, e.e1, 1.0)
    e.FringeBendEntrance == 0 || JuTrack.bend_fringe!(row, curvature, e.gK, 1.0)
    fringe_of_gradients!(e, row, e.FringeQuadEntrance, 1.0)
    JuTrack.bend_edge!(row, curvature, -e.e1, 1.0)
    bend_by_steps!(e, row, curvature, loss)
    row[5] -= e.len
    JuTrack.bend_edge!(row, curvature, -e.e2, 1.0)
    fringe_of_gradients!(e, row, e.FringeQuadExit, -1.0)
    e.FringeBendExit == 0 || JuTrack.bend_fringe!(row, -curvature, e.gK, 1.0)
    JuTrack.Yrot!(row, e.e2, 1.0)
    nothing
end

# kicks in the element are written into it while particles pass
is_smooth(e::ExactBend) = iszero(e.KickAngle)

function fringe_of_gradients!(e::ExactBend, row, is_there, side)
    is_there == 0 && return nothing
    JuTrack.multipole_fringe!(row, e.len, e.PolynomA, e.PolynomB, e.MaxOrder, side, 1, 1.0)
end

function bend_by_steps!(e::ExactBend, row, curvature, loss)
    e.NumIntSteps == 0 && return JuTrack.exact_bend!(row, curvature, e.len, 1.0)
    step = e.len / e.NumIntSteps
    for _ in 1:(e.NumIntSteps)
        JuTrack.exact_bend!(row, curvature, OUTER * step, 1.0)
        kick_in_bend!(e, row, curvature, 2OUTER * step, loss)
        JuTrack.exact_bend!(row, curvature, INNER * step, 1.0)
        kick_in_bend!(e, row, curvature, (1 - 4OUTER) * step, loss)
        JuTrack.exact_bend!(row, curvature, INNER * step, 1.0)
        kick_in_bend!(e, row, curvature, 2OUTER * step, loss)
        JuTrack.exact_bend!(row, curvature, OUTER * step, 1.0)
    end
    nothing
end

function kick_in_bend!(e::ExactBend, row, curvature, len, loss)
    if e.rad == 0
        JuTrack.strthinkick!(row, e.PolynomA, e.PolynomB, len, e.MaxOrder)
    else
        JuTrack.exactbndthinkick_rad!(
            row, e.PolynomA, e.PolynomB, len, curvature, e.MaxOrder, 1.0, loss
        )
    end
    nothing
end

"""Mark what cannot get through an element as lost, where it is."""
stop!(e, r, lost) = nothing

# in exact bends particles may turn back, of which JuTrack throws
function stop!(e::ExactBend, r, lost)
    is_smooth(e) || return nothing
    for p in axes(r, 1)
        lost[p] == 0 || continue
        aside = abs(r[p, 1] * e.angle / e.len) + abs(r[p, 2]) + abs(r[p, 4]) + abs(r[p, 6])
        # others are far from it
        aside < 0.2 || gets_through(e, r[p, :]) || (lost[p] = 1)
    end
    nothing
end

function gets_through(e::ExactBend, row)
    change_frame!(reshape(row, 1, 6), 1, e.T1, e.R1)
    try
        bend_row!(e, row, 0.0)
        true
    catch error
        error isa DomainError || rethrow()
        false
    end
end

"""Throw for what Enzyme ends the process in, when it goes back."""
function require_backward(study)
    for piece in study.pieces
        e = piece.element
        e isa ExactBend && !is_smooth(e) && throw(
            ArgumentError(
                "Enzyme 0.13 ends the process in its backward pass through JuTrack's ESBEND with KickAngle; " *
                "give the kicks to PolynomB and PolynomA, or take the forward mode",
            ),
        )
    end
    nothing
end
