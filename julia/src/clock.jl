# How long Julia compiles.

const COUNTS = Ref(false)

"""How long this process has compiled since it was first asked [s]."""
function seconds_compiled()
    # Julia counts how often it was told to, in eight bits
    COUNTS[] || Base.cumulative_compile_timing(true)
    COUNTS[] = true
    first(Base.cumulative_compile_time_ns()) / 1e9
end
