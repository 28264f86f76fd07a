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
    before, marks = copy(r), copy(particles.lost_flag)
    radiate!(e, r, particles)
    spread_loss!(e, r, before, marks)
end

radiate!(e, r, particles) = JuTrack.pass!(e, r, size(r, 1), particles)

function radiate!(e::JuTrack.SBEND, r, particles)
    # JuTrack's loss goes with the cube of this, and with no velocity
    total = cbrt(particles.beta) * particles.gamma * particles.mass
    JuTrack.BendSymplecticPassRad!(
        r, e.len, 1.0, e.angle / e.len, e.PolynomA, e.PolynomB, e.MaxOrder, e.NumIntSteps, e.e1, e.e2,
        e.FringeBendEntrance, e.FringeBendExit, e.fint1, e.fint2, e.gap, e.FringeQuadEntrance,
        e.FringeQuadExit, e.FringeIntM0, e.FringeIntP0, e.T1, e.T2, e.R1, e.R2, e.RApertures,
        e.EApertures, e.KickAngle, total, size(r, 1), particles.lost_flag,
    )
    nothing
end

# the squares of the kicks of a step of the integrator, in steps
const SQUARES = 2 * (2OUTER)^2 + (1 - 4OUTER)^2

"""Mend the orbit of a magnet that radiated, of particles that were not lost before it."""
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
