# The elements that undo others. Where there is none, particles are kept instead.

"""
    inverse(piece)

The piece that undoes one, or nothing where there is none.
"""
function inverse(piece::Piece)
    undone = inverse(piece.element)
    undone === nothing ? nothing : Piece(undone, -piece.slip)
end

inverse(e) = nothing
inverse(e::JuTrack.MARKER) = e
inverse(e::Exchanged) = wrapped(Exchanged, inverse(e.element))
inverse(e::Gradient) = wrapped(Gradient, inverse(e.element))
inverse(e::Early) = wrapped(Early, inverse(e.element))

"""An element with fields of the other sign."""
function negated(e, names...)
    foreach(name -> setproperty!(e, name, -getproperty(e, name)), names)
    e
end

wrapped(wrapper, undone) = undone === nothing ? nothing : wrapper(undone)

function inverse(e::Straight)
    is_undone(e) || return e isa Fringed ? reversed(e) : nothing
    negated(backwards(e), :len)
end

inverse(e::JuTrack.thinMULTIPOLE) =
    is_undone(e) ? negated(backwards(e), :PolynomA, :PolynomB) : nothing
inverse(e::JuTrack.CORRECTOR) = negated(backwards(e), :len, :xkick, :ykick)
inverse(e::JuTrack.SOLENOID) = negated(backwards(e), :len)
# of these the kicks depend on nothing that they change
inverse(e::JuTrack.RFCA) = negated(without_apertures(e), :len, :volt)
inverse(e::JuTrack.AccelCavity) = negated(without_apertures(e), :volt)
inverse(e::JuTrack.easyCRABCAVITY) = negated(without_apertures(e), :halfthetac)

function inverse(e::Union{JuTrack.CRABCAVITY,JuTrack.CRABCAVITY_K2})
    # JuTrack's phase is that at the entrance
    iszero(e.len) || return nothing
    back = negated(without_apertures(e), :volt)
    hasproperty(e, :k2) ? negated(back, :k2) : back
end

inverse(e::JuTrack.LorentzBoost) = JuTrack.InvLorentzBoost(e.angle)
inverse(e::JuTrack.InvLorentzBoost) = JuTrack.LorentzBoost(e.angle)

function inverse(e::JuTrack.LBEND)
    # JuTrack leaves terms of the path out where the gradient just undoes the focusing of the field
    (e.angle / e.len)^2 + e.K == 0 && !iszero(e.angle) && return nothing
    back = bent_back(e)
    back.fint1, back.fint2, back.FullGap = e.fint2, e.fint1, -e.FullGap
    back
end

function inverse(e::JuTrack.SBEND)
    # the third of JuTrack's faces goes by a slope that it changes
    is_undone(e) && !(3 in (e.FringeBendEntrance, e.FringeBendExit)) || return nothing
    back = bent_back(e)
    back.fint1, back.fint2, back.gap = e.fint2, e.fint1, -e.gap
    back.FringeBendEntrance, back.FringeBendExit = e.FringeBendExit, e.FringeBendEntrance
    back
end

"""A bend of the same curvature, passed from its exit to its entrance."""
function bent_back(e)
    back = negated(backwards(e), :len, :angle)
    back.e1, back.e2 = -e.e2, -e.e1
    back
end

# its three steps commute where nothing is rotated
inverse(e::JuTrack.TRANSLATION) = negated(deepcopy(e), :dx, :dy, :ds)
inverse(e::JuTrack.YROTATION) = negated(deepcopy(e), :angle)

"""Whether the map of an element is its own inverse with the length reversed."""
function is_undone(e)
    none(field) = !hasproperty(e, field) || all(iszero, getproperty(e, field))
    all(none, (:KickAngle, :rad, :FringeQuadEntrance, :FringeQuadExit))
end

"""An element with its ends exchanged and without apertures."""
function backwards(e)
    back = without_apertures(e)
    back.T1, back.T2 = -e.T2, -e.T1
    back.R1, back.R2 = undo(e.R2), undo(e.R1)
    back
end

function without_apertures(e)
    bare = deepcopy(e)
    fill!(bare.RApertures, 0)
    fill!(bare.EApertures, 0)
    bare
end

# a matrix of zeros is JuTrack's for none
undo(matrix) = iszero(matrix) ? copy(matrix) : inv(matrix)
