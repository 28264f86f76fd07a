# Run by `julia --output-o=FILE`: what is loaded and compiled here is what the image holds. Takes the
# project and a file of precompile statements from the environment.

Base.reinit_stdio()
@eval Sys BINDIR = ccall(:jl_get_julia_bindir, Any, ())::String
@eval Sys STDLIB =
    abspath(Sys.BINDIR, "..", "share", "julia", "stdlib", string('v', VERSION.major, '.', VERSION.minor))
Base.init_depot_path()
copy!(LOAD_PATH, [ENV["PYJUTRACK_PROJECT"], "@stdlib"])

# not PythonCall: in an image it begins before juliacall has told it which Python it is in
import CompilerSupportLibraries_jll, PyJuTrack

@eval Module() begin
    known = Module()
    for (id, loaded) in Base.loaded_modules
        Base.eval(known, :($(Symbol(id.name)) = $loaded))
    end
    for line in eachline(ENV["PYJUTRACK_STATEMENTS"])
        # code of Enzyme's that stands at an address of the process that compiled it
        occursin("autodiff", line) && continue
        statement = Meta.parse(line; raise=false)
        Meta.isexpr(statement, :call) || continue
        try
            precompile(Base.eval(known, Expr(:tuple, statement.args[2:end]...))...)
        catch
            # of a module or a closure that is not here
        end
    end
end

empty!(Core.ARGS)
empty!(Base.ARGS)
empty!(LOAD_PATH)
empty!(DEPOT_PATH)
empty!(Base.TOML_CACHE.d)
Base.TOML.reinit!(Base.TOML_CACHE.p, "")
@eval Sys BINDIR = ""
@eval Sys STDLIB = ""
