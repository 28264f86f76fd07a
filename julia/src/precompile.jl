# What is compiled when the package is, so that no process need: tracking, and the derivatives that
# are code without addresses (see flows.jl). What Enzyme compiles by itself cannot be kept, and must
# not be called here.

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
    entries = [("field", 1, "len", 0), ("field", 2, "k1", 0), ("slip", 4, "", 0)]

    @compile_workload begin
        space_charge = SpaceCharge(Spectral(Mesh((0.02, 0.02), (16, 16), "bspline"), (8, 8)), true)
        for effect in (nothing, space_charge)
            whole = study(cell, reference; effect, strength=1e-6)
            track(r, lost, whole)
            probes(r, lost, whole, r)
            for width in WIDTHS
                pushforward(r, lost, whole, entries, ones(3, width), zeros(0, 0, 0))
            end
            pullback(r, lost, whole, entries, r)
            jacobian(r, lost, whole, zeros(6))
        end
    end
end
