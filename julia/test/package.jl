# What a package must be: documented, its example true, clean by Aqua where it is.

@testset "all that is exported has a docstring" begin
    for name in names(PyJuTrack)
        name === :PyJuTrack && continue
        @test haskey(Base.Docs.meta(PyJuTrack), Base.Docs.Binding(PyJuTrack, name))
    end
end

@testset "the example of the README" begin
    text = read(joinpath(pkgdir(PyJuTrack), "README.md"), String)
    blocks = [m[1] for m in eachmatch(r"```julia\n(.*?)```"s, text)]
    @test length(blocks) == 1
    example = Module()
    Base.include_string(example, only(blocks), "README.md")
    slope, gradient = Base.invokelatest(() -> (example.slope, example.gradient))
    @test slope ≈ gradient[2] rtol = 1e-9
    @test isfinite(slope) && !iszero(slope)
end

@testset "Enzyme is called openly only within its own and for flows" begin
    folder = joinpath(pkgdir(PyJuTrack), "src")
    calls(file) = count("autodiff(", read(joinpath(folder, file), String))
    found = Dict(f => calls(f) for f in readdir(folder) if calls(f) != 0)
    # of flows, whose code has no address; and of what `by_enzyme` differentiates for the second time
    @test found == Dict("flows.jl" => 1, "second.jl" => 2)
end

let Aqua = optional("Aqua")
    # ambiguities of dependencies are not ours; persistent tasks are looked for by a registry, and
    # JuTrack is in none
    options = (
        ambiguities=(recursive=false,),
        persistent_tasks=false,
        # a rule for an error function of JuTrack's, which has one for a single direction
        piracies=(treat_as_own=[typeof(JuTrack.erfcx_AD)],),
    )
    Aqua === nothing || Base.invokelatest(Aqua.test_all, PyJuTrack; options...)
end
