# Enzyme when the program runs, and never when the package is compiled.

"""
    by_enzyme(mode, function, activity, of, more...)

`autodiff`, by a call that the compiler does not look into.

What Enzyme 0.13 compiles is code at an address of this process. Where `autodiff` is called openly,
the address gets into the package's image as soon as the caller is compiled for it, or may be called
by what is, and another process jumps to it.
"""
function by_enzyme(arguments...)
    foretell(() -> title_of(arguments[4].val), typeof(arguments))
    Base.inferencebarrier(autodiff)(arguments...)
end

"""What derivatives are of, in a word."""
title_of(x) = title_of(typeof(x))
title_of(kind::Type) = String(nameof(kind))
title_of(::AbstractArray) = "fields"

# who is told what takes seconds to compile, before it does; and what was told
const TELL = Ref{Any}(nothing)
const TOLD = Set{Any}()

"""
    tell!(f)

Have `f(name)` called before what takes seconds is compiled: derivatives by Enzyme, networks by NNlib.
"""
tell!(f) = (TELL[] = f; nothing)

"""Tell a name, once for a key: in the first thread, which is Python's, and has a share in all work."""
function foretell(name, key)
    (TELL[] === nothing || Threads.threadid() != 1 || key in TOLD) && return nothing
    push!(TOLD, key)
    TELL[](name())
    nothing
end
