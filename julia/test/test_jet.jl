# What JET finds in the package by types, where the project has it: errors wherever they may be, and
# dispatch at run time within the loops over particles, cells and numbers.

using PyJuTrack: deflect!, deposit!, pull_deflect!, pull_deposit!, pull_rows!, push_deflect!
using PyJuTrack: cotangent, drift_flow, pass_rows!, push_deposit!, push_rows!, quadrupole_flow
using PyJuTrack: short_quadrupole_flow, tangents_of, value

const ENTRY_ROWS = Vector{Tuple{String,Int,String,Int}}
const GRID, CUBE, SEVEN = Matrix{Float64}, Array{Float64,3}, NTuple{7,Matrix{Float64}}
const MARKS, NINE = Vector{Int}, (NTuple{3,Float64}, NTuple{7,NTuple{3,Float64}})
const FLOWS = map(typeof, (drift_flow, quadrupole_flow, short_quadrupole_flow))

const CALLS = [
    (track, (GRID, MARKS, Study)),
    (track!, (GRID, MARKS, Study)),
    (probes, (GRID, MARKS, Study, GRID)),
    (pushforward, (GRID, MARKS, Study, ENTRY_ROWS, GRID, CUBE)),
    (pullback, (GRID, MARKS, Study, ENTRY_ROWS, GRID)),
    (jacobian, (GRID, MARKS, Study, Vector{Float64})),
    (jacobian_derivatives, (GRID, MARKS, Study, ENTRY_ROWS, Vector{Float64}, GRID, CUBE)),
    (make, (String, Dict{String,Any})),
    (surrogate, (String, Mesh)),
]

const LOOPS = [
    (deposit!, (GRID, Mesh, GRID, MARKS, Float64)),
    (deflect!, (Mesh, GRID, MARKS, GRID, Float64)),
    (push_deposit!, (CUBE, Mesh, GRID, SEVEN, MARKS, Float64)),
    (push_deflect!, (Mesh, GRID, SEVEN, MARKS, CUBE, Float64, NTuple{7,Float64})),
    (pull_deposit!, (GRID, Mesh, GRID, GRID, MARKS, Float64)),
    (pull_deflect!, (Mesh, GRID, GRID, MARKS, GRID, GRID, Float64)),
    [(pass_rows!, (f, NINE[1], GRID, MARKS, Float64)) for f in FLOWS]...,
    [(push_rows!, (f, NINE..., GRID, SEVEN, MARKS, Float64)) for f in FLOWS]...,
    [(pull_rows!, (f, NINE[1], GRID, GRID, MARKS, Float64)) for f in FLOWS]...,
]

let JET = optional("JET")
    ours = (; target_modules=(PyJuTrack,))
    function found(report, arguments...; options...)
        JET === nothing && return 0
        result = Base.invokelatest(getproperty(JET, report), arguments...; ours..., options...)
        reports = Base.invokelatest(JET.get_reports, result)
        isempty(reports) || Base.invokelatest(show, stdout, MIME"text/plain"(), result)
        length(reports)
    end
    @test found(:report_package, PyJuTrack; toplevel_logger=nothing) == 0
    @testset "calls of $f" for (f, types) in CALLS
        @test found(:report_call, f, types) == 0
    end
    @testset "dispatch in $f" for (f, types) in LOOPS
        @test found(:report_opt, f, types) == 0
    end
end
