# What is compiled when the package is, so that no process need: tracking, and the derivatives that
# are code without addresses (see flows.jl). What Enzyme compiles by itself cannot be kept, and must
# not be called here.
#
# Not for a system image: there nothing can be run that Enzyme puts into what asks, as its code is
# linked when the image is; `image.jl` has it compiled by its signatures.

Base.JLOptions().incremental == 1 && @setup_workload begin
    r = [1e-4 * sin(i + 7j) for i in 1:8, j in 1:6]
    lost = zeros(Int, 8)
    reference = Reference(1e9, 938.27208816e6)
    cell = (
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=1.0),
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=-1.0),
    )
    turned = [cos(i == j ? 0.1 : 1.5) for i in 1:6, j in 1:6]
    turned[6, :] .= [0, 0, 0, 0, 0, 1]
    shift = [1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]
    displaced = (
        "TRANSLATION" => (dx=1e-3,),
        "YROTATION" => (angle=1e-3,),
        "MARKER" => (;),
        "DRIFT" => (len=0.1, R1=turned, T2=shift),
        "QUAD" => (len=0.1, k1=1.0, R1=turned, R2=turned, T1=shift),
        "QUAD" => (len=0.1, k1=-1.0, R1=turned, T2=shift),
    )
    by_places = [
        ("field", 1, "dx", 0),
        ("field", 2, "angle", 0),
        ("field", 4, "R1", 3),
        ("field", 5, "T1", 1),
        ("field", 6, "R1", 3),
    ]
    # the quadrupole is the second piece, or the third where a drift was cut in two
    entries(k1) = [("field", 1, "len", 0), ("field", k1, "k1", 0), ("slip", 4, "", 0)]

    @compile_workload begin
        space_charge = SpaceCharge(Spectral(Mesh((0.02, 0.02), (16, 16), "bspline"), (8, 8)), true)
        lines = (
            (study(cell, reference), entries(2)),
            (study(cell, reference; effect=space_charge, strength=1e-6, step=0.1), entries(3)),
            (study(displaced, reference), by_places),
        )
        for (whole, by) in lines
            track(r, lost, whole)
            probes(r, lost, whole, r)
            for width in WIDTHS
                pushforward(r, lost, whole, by, ones(length(by), width), zeros(0, 0, 0))
            end
            pullback(r, lost, whole, by, r)
            jacobian(r, lost, whole, zeros(6))
        end
    end
end
