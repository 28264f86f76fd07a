# Where JuTrack's conventions differ from pyjutrack's in coordinates, and where its elements are odd.
# Those of the parameters of elements stand in the Python package, with the twins of each kind.
#
# JuTrack's fifth coordinate is the path beyond that of the reference, positive when late: z = -r[5].
# It leaves out that particles of another momentum have another velocity, which `add_slip!` adds.
# Its path through a quadrupole that focuses y has the wrong sign in x^2 and y^2, which `Exchanged`
# goes around; that through a linear bend with a gradient has x x' in the place of y y', which
# `Gradient` mends. Its `Beam` takes the kinetic energy.

"""
    Reference(kinetic_energy, mass, charge, beta, particles=0, current=0)

Energies in eV, charge in elementary charges, velocity over c; how many particles the beam has, if it
is a bunch, or its current [A].
"""
struct Reference
    kinetic_energy::Float64
    mass::Float64
    charge::Float64
    beta::Float64
    particles::Float64
    current::Float64
end

Reference(kinetic_energy, mass, charge, beta) = Reference(kinetic_energy, mass, charge, beta, 0.0, 0.0)

# [m/s], by which JuTrack makes waves of frequencies
const SPEED_OF_LIGHT = 2.99792458e8

"""A vector for elements of any kind."""
no_elements() = JuTrack.AbstractElement{Float64}[]

"""Throw where switches of this process's JuTrack change the meaning of its coordinates."""
function check_switches()
    JuTrack.use_exact_Hamiltonian == 1 && JuTrack.use_exact_beti == 0 && return nothing
    throw(
        ArgumentError(
            "JuTrack.use_exact_Hamiltonian is $(JuTrack.use_exact_Hamiltonian) and " *
            "use_exact_beti is $(JuTrack.use_exact_beti); pyjutrack needs 1 and 0",
        ),
    )
end

"""
    Exchanged(element)

A quadrupole that focuses y, by one that focuses x with the planes exchanged.
"""
struct Exchanged <: JuTrack.AbstractElement{Float64}
    element::JuTrack.QUAD{Float64}
end

"""
    Gradient(element)

A linear bend with a gradient, by JuTrack's and what its path is wrong by.
"""
struct Gradient <: JuTrack.AbstractElement{Float64}
    element::JuTrack.LBEND{Float64}
end

# JuTrack puts an exact drift in the place of a quadrupole without strength; this is paraxial still
const NO_STRENGTH = 1e-30

"""
    adapted(element)

The element as it is passed here: itself, or one that goes around what JuTrack does wrong.
"""
adapted(e) = e

function adapted(e::JuTrack.QUAD)
    e.k1 > 0 && return e
    e.k1 < 0 && return Exchanged(in_other_plane(e))
    other = deepcopy(e)
    other.k1 = NO_STRENGTH
    other
end

"""A quadrupole that does with x what another does with y."""
function in_other_plane(e::JuTrack.QUAD)
    other = deepcopy(e)
    other.k1 = -e.k1
    for (name, order) in pairs(IN_OTHER_PLANE)
        own = getfield(e, name)
        setfield!(other, name, own isa Vector ? own[order] : own[order, order])
    end
    other
end

# what is where in fields of an element, with the planes exchanged
const IN_OTHER_PLANE = (
    T1=[3, 4, 1, 2, 5, 6],
    T2=[3, 4, 1, 2, 5, 6],
    R1=[3, 4, 1, 2, 5, 6],
    R2=[3, 4, 1, 2, 5, 6],
    RApertures=[3, 4, 1, 2, 5, 6],
    EApertures=[2, 1, 3, 4, 5, 6],
)

function adapted(e::JuTrack.LBEND)
    iszero(e.K) && return e
    require_upright(e)
    Gradient(e)
end

"""Throw for a bend whose path cannot be mended by what particles are before it."""
function require_upright(e::JuTrack.LBEND)
    iszero(e.T1) && iszero(e.R1) || throw(
        ArgumentError(
            "the path through JuTrack's LBEND with a gradient K is mended by what particles are at its entrance, " *
            "so that it cannot have T1 and R1; put a DRIFT of no length with T1 and R1 before it",
        ),
    )
    nothing
end

"""Add to a field of an element; `place` is that in an array, or 0."""
function add_to_field!(e, field::Symbol, place::Int, change)
    record, name = owner(e, field)
    own = getproperty(record, name)
    if own isa AbstractArray
        own[place] += change
    else
        setproperty!(record, name, own + change)
    end
    nothing
end

function get_field(e, field::Symbol, place::Int)
    value = getproperty(owner(e, field)...)
    place == 0 ? value : value[place]
end

add_to_field!(e::Exchanged, field::Symbol, place::Int, change) =
    add_to_field!(e.element, field, exchanged_place(e.element, field, place), sign_of(field) * change)
get_field(e::Exchanged, field::Symbol, place::Int) =
    sign_of(field) * get_field(e.element, field, exchanged_place(e.element, field, place))

sign_of(field::Symbol) = field === :k1 ? -1 : 1

"""Where the number at a place of an array stands when the planes are exchanged."""
function exchanged_place(e, field::Symbol, place::Int)
    place == 0 && return 0
    array, order = getfield(e, field), IN_OTHER_PLANE[field]
    array isa Vector && return order[place]
    row, column = Tuple(CartesianIndices(array)[place])
    LinearIndices(array)[order[row], order[column]]
end

"""JuTrack's coordinates from ours, or ours from JuTrack's: a new matrix (N, 6)."""
function mirrored(r)
    mirror = Matrix{Float64}(r)
    @views mirror[:, 5] .*= -1
    mirror
end

"""A JuTrack beam around coordinates of JuTrack's, which it shares; of a share of the particles."""
function beam(r::Matrix{Float64}, lost::Vector{Int}, reference::Reference, share=1.0)
    b = JuTrack.Beam(
        r,
        reference.kinetic_energy;
        np=round(Int, share * reference.particles),
        mass=known_mass(reference.mass),
        charge=reference.charge,
        current=share * reference.current,
    )
    b.lost_flag = lost
    b
end

# radiation is of electrons by this very number
known_mass(mass) = isapprox(mass, JuTrack.m_e; rtol=1e-12) ? JuTrack.m_e : mass

"""Move particles through an element, by JuTrack's map."""
move!(e, r::Matrix{Float64}, particles) = JuTrack.pass!(e, r, size(r, 1), particles)

function move!(e::Exchanged, r::Matrix{Float64}, particles)
    exchange!(r)
    JuTrack.pass!(e.element, r, size(r, 1), particles)
    exchange!(r)
end

function move!(e::Gradient, r::Matrix{Float64}, particles)
    mend_path!(e.element, r, particles.lost_flag)
    JuTrack.pass!(e.element, r, size(r, 1), particles)
end

"""Add y y' for x x' to the path, with what they are after the entrance."""
function mend_path!(e::JuTrack.LBEND{Float64}, r::Matrix{Float64}, lost)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        total = 1 + r[p, 6]
        x, y = r[p, 1], r[p, 3]
        by_x, by_y = edge_slopes(e, total)
        xp, yp = (r[p, 2] + by_x * x) / total, (r[p, 4] - by_y * y) / total
        phase = e.len * sqrt(abs(e.K) / total)
        turned = e.K > 0 ? sinh(phase)^2 : -sin(phase)^2
        r[p, 5] += turned * (y * yp - x * xp) / 2
    end
    nothing
end

"""What JuTrack's entrance of a linear bend does to px by x, and to -py by y."""
@inline function edge_slopes(e::JuTrack.LBEND, total)
    curvature = e.angle / e.len
    late = curvature * e.FullGap * e.fint1 * (1 + sin(e.e1)^2) / cos(e.e1)
    curvature * tan(e.e1), curvature * tan(e.e1 - late / total)
end

"""`mend_path!` for power series."""
function mend_series!(e::JuTrack.LBEND, u, focuses_y)
    total = 1 + u[6]
    by_x, by_y = edge_slopes(e, total)
    xp, yp = (u[2] + by_x * u[1]) / total, (u[4] - by_y * u[3]) / total
    phase = e.len * sqrt((focuses_y ? 1 : -1) * e.K / total)
    turned = focuses_y ? sinh(phase)^2 : -1 * sin(phase)^2
    u[5] += 0.5 * turned * (u[3] * yp - u[1] * xp)
    nothing
end

"""x and px for y and py, in place."""
function exchange!(r::Matrix{Float64})
    @inbounds for p in axes(r, 1), i in 1:2
        r[p, i], r[p, i + 2] = r[p, i + 2], r[p, i]
    end
    nothing
end

"""The root of what is not negative: code that cannot throw, and so holds no address."""
@inline root(x::Float64) = Base.sqrt_llvm(x)
@inline root(x) = sqrt(x)

"""
    slip(delta, beta)

How much faster than the reference, less one; free of cancellation at small delta.
"""
@inline function slip(delta, beta)
    twice = delta * (2 + delta)
    energy = root(1 + beta * beta * twice)
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

"""Particles one of whose coordinates of these is not finite are lost, where they are."""
function lose_strays!(r::Matrix{Float64}, lost::Vector{Int}, columns=1:6)
    for p in axes(r, 1)
        lost[p] == 0 && !all(c -> isfinite(r[p, c]), columns) && (lost[p] = 1)
    end
    nothing
end
