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

wrapped(wrapper, undone) = undone === nothing ? nothing : wrapper(undone)

function inverse(e::Straight)
    is_undone(e) || return e isa Fringed ? reversed(e) : nothing
    back = backwards(e)
    back.len = -e.len
    back
end

function inverse(e::JuTrack.thinMULTIPOLE)
    is_undone(e) || return nothing
    back = backwards(e)
    back.PolynomA, back.PolynomB = -e.PolynomA, -e.PolynomB
    back
end

function inverse(e::JuTrack.CORRECTOR)
    back = backwards(e)
    back.len, back.xkick, back.ykick = -e.len, -e.xkick, -e.ykick
    back
end

function inverse(e::JuTrack.SOLENOID)
    back = backwards(e)
    back.len = -e.len
    back
end

# of these the kicks depend on nothing that they change
function inverse(e::JuTrack.RFCA)
    back = without_apertures(e)
    back.len, back.volt = -e.len, -e.volt
    back
end

function inverse(e::Union{JuTrack.CRABCAVITY,JuTrack.CRABCAVITY_K2})
    # JuTrack's phase is that at the entrance
    iszero(e.len) || return nothing
    back = without_apertures(e)
    back.volt = -e.volt
    hasproperty(e, :k2) && (back.k2 = -e.k2)
    back
end

function inverse(e::JuTrack.AccelCavity)
    back = without_apertures(e)
    back.volt = -e.volt
    back
end

function inverse(e::JuTrack.easyCRABCAVITY)
    back = without_apertures(e)
    back.halfthetac = -e.halfthetac
    back
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
    back = backwards(e)
    back.len, back.angle = -e.len, -e.angle
    back.e1, back.e2 = -e.e2, -e.e1
    back
end

function inverse(e::JuTrack.TRANSLATION)
    # its three steps commute where nothing is rotated
    back = deepcopy(e)
    back.dx, back.dy, back.ds = -e.dx, -e.dy, -e.ds
    back
end

function inverse(e::JuTrack.YROTATION)
    back = deepcopy(e)
    back.angle = -e.angle
    back
end

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
