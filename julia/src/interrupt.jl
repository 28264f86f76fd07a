# For who waits. Ctrl-C: a function may be given to ask, between slices, whether a signal came.

const ASK = Ref((C_NULL, C_NULL))

"""
    ask!(check, clear)

Call the C function `int check(void)` at this address between slices. Where it is not 0, call
`void clear(void)` and throw an `InterruptException`.
"""
ask!(check::Integer, clear::Integer) = (ASK[] = Ptr{Cvoid}.(UInt.((check, clear))); nothing)

function check_interrupt()
    check, clear = ASK[]
    check == C_NULL && return nothing
    ccall(check, Cint, ()) == 0 && return nothing
    ccall(clear, Cvoid, ())
    throw(InterruptException())
end

EnzymeRules.inactive(::typeof(check_interrupt)) = nothing
