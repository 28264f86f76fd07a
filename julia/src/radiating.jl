# Magnets that radiate: JuTrack's maps, and what they are wrong by.
#
# Its paraxial bends take the kinetic energy for the total. Where a magnet kicks, JuTrack lets a particle
# lose energy first, and kicks it as if it had not: the orbit has the loss of half a kick too late, to
# the first power of the step. That is added at the end, as if it had come evenly.

const Radiating = Union{
    JuTrack.SBEND{Float64},
    JuTrack.ESBEND{Float64},
    JuTrack.KQUAD{Float64},
    JuTrack.KSEXT{Float64},
    JuTrack.KOCT{Float64},
}

function move!(e::Radiating, r::Matrix{Float64}, particles)
    e.rad == 0 && return JuTrack.pass!(e, r, size(r, 1), particles)
    marks = copy(particles.lost_flag)
    enter_frame!(e, r, marks)
    before = copy(r)
    # what is lost is asked where JuTrack asks it, after the frame
    radiate!(e, r, particles, copy(marks))
    spread_loss!(e, r, before, marks)
    leave_frame!(e, r, marks)
    mark_lost!(e, r, particles.lost_flag)
end

"""Particles (but those marked) in the frame of an element, by its T1 and R1."""
function enter_frame!(e, r, marks)
    move_by!(r, marks, e.T1)
    turn_by!(r, marks, e.R1)
    nothing
end

"""Particles in the frame of the line again, by R2 and T2."""
function leave_frame!(e, r, marks)
    turn_by!(r, marks, e.R2)
    move_by!(r, marks, e.T2)
    nothing
end

# JuTrack's T1, T2, R1, R2 and its apertures, which are none in the frame of an element
unplaced() = (zeros(6), zeros(6), zeros(6, 6), zeros(6, 6), zeros(6), zeros(6))

"""JuTrack's map of an element that radiates, in its own frame."""
function radiate!(e, r, particles, marks)
    JuTrack.StrMPoleSymplectic4RadPass!(
        r, e.len, energy_loss(e, particles), 1.0, e.PolynomA, [e.k0, e.k1, e.k2 / 2, e.k3 / 6], e.MaxOrder,
        e.NumIntSteps, e.FringeQuadEntrance, e.FringeQuadExit, unplaced()..., e.KickAngle, particles.energy,
        size(r, 1), marks,
    )
    nothing
end

function radiate!(e::JuTrack.ESBEND, r, particles, marks)
    JuTrack.ExactSectorBend_rad!(
        r, e.len, energy_loss(e, particles), 1.0, e.angle, e.PolynomA, e.PolynomB, e.MaxOrder, e.NumIntSteps,
        e.e1, e.e2, e.FringeBendEntrance, e.FringeBendExit, e.FringeQuadEntrance, e.FringeQuadExit, e.gK,
        unplaced()..., e.KickAngle, size(r, 1), marks,
    )
    nothing
end

function radiate!(e::JuTrack.SBEND, r, particles, marks)
    # JuTrack's loss is that of electrons, goes with the cube of this, and with no velocity
    total = cbrt(particles.beta * radius(particles)) * particles.gamma * JuTrack.m_e
    JuTrack.BendSymplecticPassRad!(
        r, e.len, 1.0, e.angle / e.len, e.PolynomA, e.PolynomB, e.MaxOrder, e.NumIntSteps, e.e1, e.e2,
        e.FringeBendEntrance, e.FringeBendExit, e.fint1, e.fint2, e.gap, e.FringeQuadEntrance,
        e.FringeQuadExit, e.FringeIntM0, e.FringeIntP0, unplaced()..., e.KickAngle, total, size(r, 1), marks,
    )
    nothing
end

"""JuTrack's factor of the mean loss by radiation; of what is not just its electron or proton it has none."""
energy_loss(e, particles) =
    e.rad == 0 ? 0.0 : JuTrack.RAD_CONST_E * radius(particles) * particles.gamma^3

"""The classical radius of a particle, in those of electrons."""
radius(particles) = particles.charge^2 * JuTrack.m_e / particles.mass

"""Throw for what JuTrack would let radiate as electrons do, or not at all, of another particle."""
function require_electrons(pieces, reference)
    known_mass(reference.mass) == JuTrack.m_e && abs(reference.charge) == 1 && return nothing
    for piece in pieces
        e = bare(piece.element)
        e isa Radiating || !hasproperty(e, :rad) || e.rad == 0 || throw(
            ArgumentError(
                "JuTrack's $(nameof(typeof(e))) radiates as electrons of $(JuTrack.m_e) eV do, and the beam is of " *
                "$(reference.mass) eV and $(reference.charge) charges; leave rad out",
            ),
        )
    end
    nothing
end

# the squares of the kicks of a step of the integrator, in steps
const SQUARES = 2 * (2OUTER)^2 + (1 - 4OUTER)^2

"""Mend the orbit in a magnet that radiated, in its frame, of particles that were not lost before it."""
function spread_loss!(e::Radiating, r, before, marks)
    steps = max(e.NumIntSteps, 1)
    @inbounds for p in axes(r, 1)
        marks[p] == 0 || continue
        along = 1 + before[p, 6]
        late = SQUARES / 2steps * (r[p, 6] - before[p, 6]) / along
        by_x = late * (r[p, 2] - before[p, 2] + by_loss(e, before[p, 1], before[p, 6]))
        by_y = late * (r[p, 4] - before[p, 4])
        r[p, 1] += by_x * e.len / 2along
        r[p, 3] += by_y * e.len / 2along
        r[p, 2] += by_x
        r[p, 4] += by_y
    end
    nothing
end

"""
What the kicks of a magnet have beside the change of px, in its share of a loss: those of a paraxial
bend go with delta too, and an exact bend turns px without kicks.
"""
by_loss(e, x, delta) = 0.0
by_loss(e::JuTrack.SBEND, x, delta) = e.angle * (1 + delta)
by_loss(e::JuTrack.ESBEND, x, delta) = e.angle * (e.angle / e.len * x - delta)
