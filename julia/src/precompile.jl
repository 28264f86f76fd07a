# What is compiled when the package is, so that each process need not: tracking. Derivatives are not,
# because what Enzyme 0.13 compiles is code at an address of the process that compiled it.

@setup_workload begin
    r = [1e-4 * sin(i + 7j) for i in 1:8, j in 1:6]
    lost = zeros(Int, 8)
    reference = Reference(1e9, 938.27208816e6)
    cell = (
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=1.0),
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=-1.0),
    )

    @compile_workload begin
        mesh = Mesh((0.02, 0.02), (16, 16), "bspline")
        effect = SpaceCharge(Spectral(mesh, (8, 8)), true)
        whole = study(cell, reference; effect, strength=1e-6)
        track(r, lost, whole)
        probes(r, lost, whole, r)
    end
end
