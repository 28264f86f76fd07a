# What is known of JuTrack's elements by their types: which act on each particle by itself. All others
# are passed with the whole beam in one.

const Straight = Union{
    JuTrack.DRIFT{Float64},
    JuTrack.QUAD{Float64},
    JuTrack.KQUAD{Float64},
    JuTrack.KSEXT{Float64},
    JuTrack.KOCT{Float64},
}
const Bend = Union{JuTrack.SBEND{Float64},JuTrack.LBEND{Float64},JuTrack.ESBEND{Float64}}
const Single = Union{
    Straight,
    Bend,
    Exchanged,
    Gradient,
    Wedge,
    JuTrack.MARKER{Float64},
    JuTrack.thinMULTIPOLE{Float64},
    JuTrack.CORRECTOR{Float64},
    JuTrack.SOLENOID{Float64},
    JuTrack.RFCA{Float64},
    JuTrack.CRABCAVITY{Float64},
    JuTrack.TRANSLATION{Float64},
    JuTrack.YROTATION{Float64},
    JuTrack.WIGGLER{Float64},
    JuTrack.CRABCAVITY_K2{Float64},
}

const SingleEarly = Union{
    Early{JuTrack.LorentzBoost{Float64}},
    Early{JuTrack.InvLorentzBoost{Float64}},
    Early{JuTrack.LongitudinalRFMap{Float64}},
    Early{JuTrack.AccelCavity{Float64}},
    Early{JuTrack.easyCRABCAVITY{Float64}},
}

"""Whether an element moves each particle by itself, and so may have them in chunks."""
is_single(e::SingleEarly) = true
is_single(e) = e isa Single && !kicks_in_place(e)

# JuTrack writes these kicks into the element while it passes particles, for all threads to see
kicks_in_place(e) = hasproperty(e, :KickAngle) && !all(iszero, e.KickAngle)

"""
    describe(element)

What a JuTrack element is: its type by name, its own name, and those of its fields that are not
JuTrack's defaults, by name.
"""
function describe(e)
    kind = nameof(typeof(e))
    name = hasproperty(e, :name) ? e.name : ""
    plain_ones = filter(f -> !(f in (:name, :eletype)), fieldnames(typeof(e)))
    String(kind), name, Dict(String(f) => getfield(e, f) for f in plain_ones)
end
