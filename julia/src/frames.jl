# Where elements that have a flow stand: shifts and matrices before and after it, and their derivatives.
# They are linear, so that nothing of Enzyme is compiled for what is displaced or rolled.

"""Shift and matrix before an element, matrix and shift after it; one of zeros is JuTrack's for none."""
frames(e) = (e.T1, e.R1, e.R2, e.T2)

function frames(e::Exchanged)
    order, other = IN_OTHER_PLANE.T1, e.element
    other.T1[order], other.R1[order, order], other.R2[order, order], other.T2[order]
end

frames(e::JuTrack.TRANSLATION) = ([-e.dx, 0, -e.dy, 0, 0, 0], NO_TURN, NO_TURN, NO_SHIFT)

const NO_TURN, NO_SHIFT = zeros(6, 6), zeros(6)

is_upright(e) = iszero(e.T1) && iszero(e.R1) && iszero(e.R2) && iszero(e.T2)
is_upright(e::Exchanged) = is_upright(e.element)
is_upright(::JuTrack.TRANSLATION) = false
is_upright(::Union{JuTrack.YROTATION,JuTrack.MARKER}) = true

"""Add to the slopes of a field of frames; `values` are all of it."""
function add_to_frames!(e, name, values)
    for (place, value) in enumerate(values)
        add_to_field!(e, name, place, value)
    end
end

add_to_frames!(e::Union{JuTrack.YROTATION,JuTrack.MARKER}, name, values) = nothing

function add_to_frames!(e::JuTrack.TRANSLATION, name, values)
    name === :T1 || return nothing
    e.dx -= values[1]
    e.dy -= values[3]
    nothing
end

"""Shift particles, or tangents."""
function move_by!(r, lost, shift)
    iszero(shift) && return nothing
    @inbounds for i in 1:6, p in axes(r, 1)
        lost[p] == 0 && (r[p, i] += shift[i])
    end
end

"""Turn particles, tangents or adjoints by a matrix."""
function turn_by!(r, lost, matrix)
    iszero(matrix) && return nothing
    rows = ntuple(i -> ntuple(j -> matrix[i, j], Val(6)), Val(6))
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        u = row_of(r, p)
        set_row!(r, p, map(row -> sum(row .* u), rows))
    end
end

"""Add to rows of d what a matrix makes of rows of r."""
function add_turned!(d, r, lost, matrix)
    iszero(matrix) && return nothing
    @inbounds for p in axes(r, 1), i in 1:6
        lost[p] == 0 && (d[p, i] += sum(ntuple(j -> matrix[i, j] * r[p, j], Val(6))))
    end
end

"""`turn_by!` with derivatives, along directions that may turn the matrix."""
function push_turn!(r, drs, lost, matrix, dmatrices)
    iszero(matrix) && return nothing
    for (w, dr) in enumerate(drs)
        turn_by!(dr, lost, matrix)
        dmatrices === nothing || add_turned!(dr, r, lost, dmatrices[w])
    end
    turn_by!(r, lost, matrix)
end

"""The slopes of a matrix and of what it turns, r; adjoints dr become those before it."""
function pull_turn!(r, dr, lost, matrix)
    found = zeros(6, 6)
    iszero(matrix) && return found
    @inbounds for j in 1:6, i in 1:6, p in axes(r, 1)
        lost[p] == 0 && (found[i, j] += dr[p, i] * r[p, j])
    end
    turn_by!(dr, lost, permutedims(matrix))
    found
end

live_sums(dr, lost) = [sum(dr[p, i] for p in eachindex(lost) if lost[p] == 0; init=0.0) for i in 1:6]

"""`add_slip!` with derivatives."""
function push_slip!(r, drs, lost, slipping, dslippings, beta)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        gain, slope = slip(r[p, 6], beta), slope_of_slip(r[p, 6], beta)
        for (dr, dslipping) in zip(drs, dslippings)
            dr[p, 5] -= dslipping * gain + slipping * slope * dr[p, 6]
        end
        r[p, 5] -= slipping * gain
    end
end

"""The slope by the length that slips; adjoints become those before it."""
function pull_slip!(r, dr, lost, slipping, beta)
    found = 0.0
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        found -= dr[p, 5] * slip(r[p, 6], beta)
        dr[p, 6] -= dr[p, 5] * slipping * slope_of_slip(r[p, 6], beta)
    end
    found
end

"""What `pull_slip!` adds to the adjoints of the momentum, of all particles."""
sum_of_slip(r, dr, lost, slipping, beta) =
    -sum(dr[p, 5] * slipping * slope_of_slip(r[p, 6], beta) for p in eachindex(lost) if lost[p] == 0; init=0.0)

"""The derivative of `slip` by delta."""
slope_of_slip(delta, beta) = (1 - beta * beta) / root(1 + beta * beta * delta * (2 + delta))^3

"""What a shift along s of no length has for a slope by its length, as JuTrack has it."""
function along_s(r, p)
    @inbounds begin
        forward = root((1 + r[p, 6])^2 - r[p, 2]^2 - r[p, 4]^2)
        -r[p, 2] / forward, -r[p, 4] / forward, (1 + r[p, 6]) / forward
    end
end

"""Add to tangents, or to a slope, what is due to `ds` of a TRANSLATION."""
push_ds!(e, r, drs, lost, dpieces) = nothing

function push_ds!(e::JuTrack.TRANSLATION, r, drs, lost, dpieces)
    for (dr, dpiece) in zip(drs, dpieces), p in axes(r, 1)
        ds = dpiece.element.ds
        lost[p] == 0 && ds != 0 || continue
        x, y, z = along_s(r, p)
        dr[p, 1] += ds * x
        dr[p, 3] += ds * y
        dr[p, 5] += ds * z
    end
end

pull_ds!(e, r, dr, lost) = nothing

function pull_ds!(e::JuTrack.TRANSLATION, r, dr, lost)
    for p in axes(r, 1)
        lost[p] == 0 || continue
        x, y, z = along_s(r, p)
        e.ds += dr[p, 1] * x + dr[p, 3] * y + dr[p, 5] * z
    end
end
