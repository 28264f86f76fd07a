# Thin cavities: JuTrack's wave, and what it makes of the energy.
#
# JuTrack adds what a particle gains to delta, and counts time by path over c. Here the gap is passed at
# the time of a particle, which is the fifth coordinate over its own velocity, and delta and the fifth
# coordinate are those of the energy that it leaves with.

# those whose kick goes with time alone; with a length JuTrack's own drifts are around it
const Gap = Union{JuTrack.RFCA{Float64},JuTrack.CRABCAVITY{Float64}}

function move!(e::Gap, r::Matrix{Float64}, particles)
    iszero(e.len) || return JuTrack.pass!(e, r, size(r, 1), particles)
    beta, live = particles.beta, copy(particles.lost_flag)
    mass = 1 / (beta * particles.gamma)
    passed = copy(r)
    @inbounds for p in axes(r, 1)
        live[p] == 0 && (passed[p, 5] = late_by(r[p, 5], r[p, 6], beta, mass))
    end
    JuTrack.pass!(e, passed, size(r, 1), particles)
    @inbounds for p in axes(r, 1)
        live[p] == 0 || continue
        gain = beta * (passed[p, 6] - r[p, 6])
        if !(energy_of(1 + r[p, 6], mass) + gain > mass)
            # less than its rest energy is left: it is lost, where it is
            particles.lost_flag[p] = 1
            continue
        end
        z, delta = with_energy(r[p, 5], r[p, 6], gain, mass)
        r[p, 2], r[p, 5], r[p, 6] = passed[p, 2], z, delta
    end
    nothing
end

"""What JuTrack's phase goes by: beta c (t - t0) of the reference's beta; mass in units of p0 / c."""
@inline late_by(z, delta, beta, mass) = beta * z * energy_of(1 + delta, mass) / (1 + delta)

"""Energy over p0 c of a particle of a momentum over p0."""
@inline energy_of(momentum, mass) = root(momentum * momentum + mass * mass)

"""
Fifth coordinate and delta of a particle that gains energy, over p0 c, at a fixed time; NaN where less
than its rest energy is left.
"""
@inline function with_energy(z, delta, gain, mass)
    before = 1 + delta
    energy = energy_of(before, mass)
    after = energy + gain
    momentum = root(after - mass) * root(after + mass)
    z * (momentum / after) * (energy / before), delta + gain * (2energy + gain) / (momentum + before)
end

"""`move!` for power series."""
function move_by_series!(e::Union{JuTrack.RFCA,JuTrack.CRABCAVITY}, series, energy, mass)
    pass!() = JuTrack.pass_Taylor!(e, series; E0=energy, m0=mass)
    iszero(e.len) || return pass!()
    gamma = 1 + energy / mass
    beta = sqrt(1 - 1 / gamma^2)
    unit = 1 / (beta * gamma)
    z, delta = series[5], series[6]
    series[5] = late_by(z, delta, beta, unit)
    pass!()
    series[5], series[6] = with_energy(z, delta, beta * (series[6] - delta), unit)
    nothing
end
