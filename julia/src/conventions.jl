# Where JuTrack's conventions differ from pyjutrack's. Nothing else here knows of them.
#
# JuTrack's fifth coordinate is the path beyond that of the reference, positive when late: z = -r[5].
# Its drifts and quadrupoles leave out that particles of another momentum have another velocity,
# which `add_slip!` adds. Its path through a quadrupole that focuses y has the wrong sign in x^2 and
# y^2, which `move!` goes around. Its `Beam` takes the kinetic energy. Its polynomials of multipoles
# contain the factorials, which strengths of MAD do not.

"""
    Reference(kinetic_energy, mass, charge, beta)

Energies in eV, charge in elementary charges, velocity over c.
"""
struct Reference
    kinetic_energy::Float64
    mass::Float64
    charge::Float64
    beta::Float64
end

const Elements = Vector{JuTrack.AbstractElement{Float64}}

no_elements() = Elements()

# JuTrack puts an exact drift in the place of a quadrupole without strength; this is paraxial still
const NO_STRENGTH = 1e-30

drift(name, len) = JuTrack.DRIFT(; name, len)
quadrupole(name, len, k1) = JuTrack.QUAD(; name, len, k1=iszero(k1) ? NO_STRENGTH : k1)
integrated_quadrupole(name, len, k1, steps) = JuTrack.KQUAD(; name, len, k1, NumIntSteps=steps)
marker(name) = JuTrack.MARKER(; name)

function multipole(name, knl, ksl)
    order = max(length(knl), length(ksl), 1) - 1
    # JuTrack looks at the first four, whatever the order
    expand(k) = [n < length(k) ? polynomial(n, k[n + 1]) : 0.0 for n in 0:max(order, 3)]
    multipole = JuTrack.thinMULTIPOLE(; name, PolynomA=expand(ksl), PolynomB=expand(knl))
    multipole.MaxOrder = order
    multipole
end

"""
    describe(element)

What a JuTrack element is in pyjutrack: (kind, name, numbers), or an error that names its kind.
"""
function describe(e)
    kind = nameof(typeof(e))
    bare(f) = !hasproperty(e, f) || all(iszero, getproperty(e, f))
    for field in (:T1, :T2, :R1, :R2, :RApertures, :EApertures, :KickAngle, :rad)
        bare(field) || throw(
            ArgumentError("$kind $(e.name) has $field, for which pyjutrack has no place yet")
        )
    end
    describe_bare(e)
end

describe_bare(e::JuTrack.DRIFT) = ("Drift", e.name, [e.len])
describe_bare(e::JuTrack.QUAD) =
    ("Quadrupole", e.name, [e.len, e.k1 == NO_STRENGTH ? 0.0 : e.k1])
describe_bare(e::JuTrack.MARKER) = ("Marker", e.name, Float64[])

function describe_bare(e::JuTrack.KQUAD)
    if !all(iszero, (e.k0, e.k2, e.k3, e.PolynomA..., e.FringeQuadEntrance, e.FringeQuadExit))
        throw(ArgumentError("KQUAD $(e.name) has more than k1, for which pyjutrack has no place yet"))
    end
    ("IntegratedQuadrupole", e.name, [e.len, e.k1, e.NumIntSteps])
end

function describe_bare(e::JuTrack.thinMULTIPOLE)
    orders = 0:e.MaxOrder
    strengths(p) = [p[n + 1] * prod(1.0:n) for n in orders]
    ("Multipole", e.name, [strengths(e.PolynomB); strengths(e.PolynomA)])
end

describe_bare(e) = throw(
    ArgumentError("$(nameof(typeof(e))) $(e.name): pyjutrack has no element of this kind yet")
)

"""JuTrack's coefficient of a polynomial, of an order, from a strength of MAD."""
polynomial(order, strength) = strength / prod(1.0:order)

"""JuTrack's coordinates from ours, or ours from JuTrack's: a new matrix (N, 6)."""
function mirrored(r)
    mirror = Matrix{Float64}(r)
    @views mirror[:, 5] .*= -1
    mirror
end

"""A JuTrack beam around coordinates of JuTrack's, which it shares."""
function beam(r::Matrix{Float64}, lost::Vector{Int}, reference::Reference)
    b = JuTrack.Beam(
        r, reference.kinetic_energy; mass=reference.mass, charge=reference.charge
    )
    b.lost_flag = lost
    b
end

"""Move particles through an element, by JuTrack's map."""
move!(e, r::Matrix{Float64}, particles) = JuTrack.pass!(e, r, size(r, 1), particles)

function move!(e::JuTrack.QUAD{Float64}, r::Matrix{Float64}, particles)
    e.k1 > 0 && return JuTrack.pass!(e, r, size(r, 1), particles)
    # one that focuses y is one that focuses x, with the planes exchanged
    other = JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, :k1), -e.k1)
    exchange!(r)
    JuTrack.pass!(other, r, size(r, 1), particles)
    exchange!(r)
end

"""The same for power series."""
function move_series!(e, series; options...)
    JuTrack.pass_TPSA!(e, series; options...)
end

function move_series!(e::JuTrack.QUAD{Float64}, series; options...)
    e.k1 > 0 && return JuTrack.pass_TPSA!(e, series; options...)
    other = JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, :k1), -e.k1)
    permute!(series, [3, 4, 1, 2, 5, 6])
    JuTrack.pass_TPSA!(other, series; options...)
    permute!(series, [3, 4, 1, 2, 5, 6])
end

"""x and px for y and py, in place."""
function exchange!(r::Matrix{Float64})
    @inbounds for p in axes(r, 1), i in 1:2
        r[p, i], r[p, i + 2] = r[p, i + 2], r[p, i]
    end
    nothing
end

"""
    slip(delta, beta)

How much faster than the reference, less one; free of cancellation at small delta.
"""
@inline function slip(delta, beta)
    twice = delta * (2 + delta)
    energy = sqrt(1 + beta * beta * twice)
    twice * (1 - beta * beta) / (energy * (1 + delta + energy))
end

"""The time that particles gain over a length, for their velocity."""
function add_slip!(r::Matrix{Float64}, lost::Vector{Int}, length, beta)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 && (r[p, 5] -= length * slip(r[p, 6], beta))
    end
    nothing
end

"""Particles that no element can move are lost, where they are."""
function passable!(r::Matrix{Float64}, lost::Vector{Int})
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        along = 1 + r[p, 6]
        if !(along > 0 && r[p, 2]^2 + r[p, 4]^2 < along^2)
            lost[p] = 1
        end
    end
    nothing
end
