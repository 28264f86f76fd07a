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
function inverse(e::Exchanged)
    undone = inverse(e.element)
    undone === nothing ? nothing : Exchanged(undone)
end

function inverse(e::Straight)
    is_undone(e) || return nothing
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
    back = deepcopy(e)
    back.T1, back.T2 = -e.T2, -e.T1
    back.R1, back.R2 = undo(e.R2), undo(e.R1)
    fill!(back.RApertures, 0)
    fill!(back.EApertures, 0)
    back
end

# a matrix of zeros is JuTrack's for none
undo(matrix) = iszero(matrix) ? copy(matrix) : inv(matrix)
