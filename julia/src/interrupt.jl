# For who waits. Ctrl-C: functions may be given to ask, between slices, whether a signal came.

const ASK = Ref((C_NULL, C_NULL))
const CAUGHT = zeros(UInt, 3)

"""
    ask!(check, fetch)

Call the C function `int check(void)` at this address between slices. Where it is not 0, have
`void fetch(void **, void **, void **)` hand over what was raised, which is kept for `caught`, and throw
an `InterruptException`.
"""
ask!(check::Integer, fetch::Integer) = (ASK[] = Ptr{Cvoid}.(UInt.((check, fetch))); nothing)

"""What was raised, as three addresses, which are handed on with it."""
function caught()
    found = Tuple(CAUGHT)
    fill!(CAUGHT, 0)
    found
end

function check_interrupt()
    check, fetch = ASK[]
    check == C_NULL && return nothing
    ccall(check, Cint, ()) == 0 && return nothing
    GC.@preserve CAUGHT begin
        place(n) = pointer(CAUGHT, n)
        ccall(fetch, Cvoid, (Ptr{UInt}, Ptr{UInt}, Ptr{UInt}), place(1), place(2), place(3))
    end
    throw(InterruptException())
end

EnzymeRules.inactive(::typeof(check_interrupt)) = nothing
