# Tracking: JuTrack's maps of slices of elements, and kicks between them.

"""The field is that of the particles themselves, kept in `fields` if that is not empty."""
struct Own end

"""The field is given: the particles add nothing to it."""
struct Given end

function meet!(::Own, kick, r, lost, current, ds, fields, n)
    admit!(kick, r, lost)
    kick!(kick, r, lost, current, ds, isempty(fields) ? nothing : fields[n])
end

function meet!(::Given, kick, r, lost, current, ds, fields, n)
    apply!(kick, r, lost, fields[n], ds)
end

"""
    walk!(source, r, lost, line, current, study, fields)

Track particles r (N, 6) in JuTrack's coordinates, in place, with the field of a `source`.
"""
function walk!(source, r, lost, line::Line, current, study, fields)
    n = 0
    particles = beam(r, lost, study.reference)
    for _ in 1:study.turns, slice in study.slices
        check_interrupt()
        slice.enters == 1 && passable!(r, lost)
        ds = pass!(line, slice, r, lost, particles, study.reference.beta)
        slice.kicked == 0 && continue
        for kick in study.kicks
            n += 1
            meet!(source, kick, r, lost, current, ds, fields, n)
        end
    end
    nothing
end

"""Pass a slice; returns the length to kick over."""
function pass!(line::Line, slice::Slice, r, lost, particles, beta)
    kind, index = slice.place.kind, slice.place.index
    if kind == 1
        return pass_known!(line.drifts[index], slice, r, lost, particles, beta)
    elseif kind == 2
        return pass_known!(line.quadrupoles[index], slice, r, lost, particles, beta)
    elseif kind == 3
        return pass_known!(line.integrated[index], slice, r, lost, particles, beta)
    elseif kind == 4
        return pass_known!(line.multipoles[index], slice, r, lost, particles, beta)
    end
    0.0
end

function pass_known!(e, slice, r, lost, particles, beta)
    move!(part(e, slice.fraction), r, particles)
    add_slip!(r, lost, e.len * slice.fraction, beta)
    e.len * slice.kicked
end

"""
    track(r, lost, study, values)

Coordinates (N, 6) and marks of the lost at the end, in pyjutrack's coordinates.
"""
function track(r, lost, study::Study, values=Float64[])
    r, lost = mirrored(r), Vector{Int}(lost)
    line, current = overlaid(study.line, study, Vector{Float64}(values))
    walk!(Own(), r, lost, line, current, study, Matrix{Float64}[])
    mirrored(r), lost
end
