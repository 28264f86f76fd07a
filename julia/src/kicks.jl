# Effects: what a beam makes of itself, and how particles respond to it.
#
#   admit!(effect, particles)                     marks what is beyond the effect's domain as lost
#   field(effect, particles)                      what the beam makes, for a strength of one
#   field_size(effect)                            its size
#   apply!(effect, r, lost, field, factor)        kicks by it; factor = strength * length
#   push_field(effect, particles, tangents)       `field` and its derivatives along W tangents, in one
#                                                 array (1 + W, ...); (1, ...) if it stands still
#   pull_field!(effect, particles, slopes, dh)    adds those of <dh, field> by the coordinates
#   push_apply!, pull_apply!                      those of `apply!`, of particles that are admitted
#
# Fields may stand in arrays of the particles' room, until the next is made.
#
# `apply!` moves no coordinate that `field` depends on, and so is undone by the factor's negative.

abstract type Effect end

"""
    SpaceCharge(potential, response)

(px, py) -= perveance ds grad(H), the strength being the perveance of the beam.

Without `response` the field stands still under a derivative: the first term of the paper's Eq. 2.
"""
struct SpaceCharge{P<:Potential} <: Effect
    potential::P
    response::Bool
end

mesh(kick::SpaceCharge) = kick.potential.mesh

"""What lies outside the box is lost."""
function admit!(kick::SpaceCharge, p::Particles)
    for_chunks(length(p.r)) do i
        admit!(kick, p.r[i], p.lost[i])
    end
end

function admit!(kick::SpaceCharge, r::Matrix{Float64}, lost::Vector{Int})
    box = mesh(kick)
    @inbounds for p in axes(r, 1)
        # also where a coordinate is not a number
        lost[p] == 0 && !inside(box, r[p, 1], r[p, 3]) && (lost[p] = 1)
    end
    nothing
end

"""The share of the beam in each cell."""
function shares(kick::SpaceCharge, p::Particles)
    box = mesh(kick)
    grids = [cleared(p.room, (:shares, i), padded(box)...) for i in eachindex(p.r)]
    for_chunks(length(p.r)) do i
        deposit!(grids[i], box, p.r[i], p.lost[i], 1 / p.total)
    end
    sum_up(grids)
end

"""The sum of arrays, in the first of them."""
function sum_up(grids)
    length(grids) == 1 && return grids[1]
    rows = chunk_rows(length(grids[1]), length(grids))
    for_chunks(length(grids)) do i
        foreach(other -> add_range!(grids[1], grids[other], rows[i]), 2:length(grids))
    end
    grids[1]
end

function add_range!(into, other, range)
    @inbounds @simd for n in range
        into[n] += other[n]
    end
end

field(kick::SpaceCharge, p::Particles) = value(kick.potential, shares(kick, p), p.room)

"""Kick particles by a given field; those outside of the box are lost."""
function apply!(kick::SpaceCharge, r, lost, h, factor)
    admit!(kick, r, lost)
    deflect!(mesh(kick), r, lost, h, factor)
end

field_size(kick::SpaceCharge) = padded(mesh(kick))

function push_field(
    kick::SpaceCharge, p::Particles, tangents::Vector{NTuple{W,Matrix{Float64}}}
) where {W}
    box = mesh(kick)
    kick.response || return alone(field(kick, p))
    grids = [taken(p.room, (:along, i), 1 + W, padded(box)...) for i in eachindex(p.r)]
    for_chunks(length(p.r)) do i
        push_deposit!(fill!(grids[i], 0.0), box, p.r[i], tangents[i], p.lost[i], 1 / p.total)
    end
    tangents_of(kick.potential, sum_up(grids), p.room)
end

"""A field without derivatives, in the form of one with them."""
alone(h) = reshape(h, 1, size(h)...)

push_apply!(kick::SpaceCharge, r, drs, lost, fields, factor, dfactors) =
    push_deflect!(mesh(kick), r, drs, lost, fields, factor, dfactors)

function pull_field!(kick::SpaceCharge, p::Particles, slopes, dh)
    kick.response || return nothing
    dshares = cotangent(kick.potential, shares(kick, p), dh, p.room)
    for_chunks(length(p.r)) do i
        pull_deposit!(dshares, mesh(kick), p.r[i], slopes[i], p.lost[i], 1 / p.total)
    end
end

pull_apply!(kick::SpaceCharge, r, dr, lost, h, dh, factor) =
    pull_deflect!(mesh(kick), r, dr, lost, h, dh, factor)

"""What Enzyme takes for a value and its derivatives along one direction or many."""
dup(x, dxs::NTuple{1}) = Duplicated(x, dxs[1])
dup(x, dxs::NTuple) = BatchDuplicated(x, dxs)

"""Kick a beam by its own field over ds [m]; the field is kept in `keep`, if that is not nothing."""
function act!(effect::Effect, p::Particles, strength, ds, keep)
    admit!(effect, p)
    h = field(effect, p)
    keep === nothing || copyto!(keep, h)
    for_chunks(length(p.r)) do i
        apply!(effect, p.r[i], p.lost[i], h, strength * ds)
    end
end
