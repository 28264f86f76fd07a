"""A small lattice file of every format, with much of what the format can say."""

from __future__ import annotations

import json

MADX = """! a ring
beam, particle=proton, energy=2.0; option, -echo;
lq := 0.4; kf = 1.2; const real ang = pi/8; v := kf*2^2 - sqrt(lq)/3;
qf: quadrupole, l=lq, k1:=kf, type="word"; qd: qf, k1:=-kf, tilt=0.01;
b: rbend, l=1.0, angle=ang, e1=0.01, k1=0.1, fint=0.5, hgap=0.02; /* a block */
m: multipole, knl={0.0,0.1,2.0}, ksl:={0,0.01}; c: rfcavity, volt=0.1, lag=0.1, harmon=4;
call, file="sub.madx";
s: sequence, l=2.0, refer=entry; qf, at=0; mon: monitor, at=1.0; endsequence;
ring: sequence, l=12.0, refer=centre; qf, at=0.2; b, at=1.5; m, at=2.2, from=qf; qd, at=3.0;
c, at=6.0; s, at=8.0; endsequence;
cell: line=(qf, b, 2*(qd, m), -qf); qf->k1 = 1.3; n = 0;
if (kf > 1 && lq < 1) { q1.k1 := 0.3*kd; } elseif (kf == 0) { q1.k1 = 0; } else { q1.k1 = 1; };
while (n < 3) { n = n + 1; if (n == 2) { m->tilt = 0.1; } }
put(nn, kk): macro = { qq.nn: quadrupole, l=0.1, k1:=kk; }; exec, put($n, q1.k1);
select, flag=error, class=quadrupole; ealign, dx:=1e-4; efcomp, order=1, dkn={0, 1e-4};
seqedit, sequence=ring; install, element=qq.3, class=qq.3, at=10.0; flatten; endedit;
use, sequence=ring; twiss;
"""
MAD8 = """QF: QUADRUPOLE, L=0.5, K1=1.0 ! note
D: DRIFT, &
  L=1.0
B: SBEND, L=1.0, ANGLE=0.1, E1=0.02; M: MULTIPOLE, K1L=0.1, T1=0.2
COMMENT
nothing
ENDCOMMENT
CALL, FILENAME="sub.mad8"
KF := 2*KD - DS^2; DS = 0.1; SET, DS, 0.2
QF[K1] = KF * SIN(0.3); M[TILT] = QF[K1]/3
CELL: LINE=(QF,D,B)
RING: LINE=(2*CELL,-CELL,3*(D,M))
USE, RING
"""
ELEGANT = """% 0.6 sto kk
% kk 2 * sto k2 pop kk sto kk
#INCLUDE: sub.lte
"Q:1": kquad, l=0.3, k1="k2 chs 2 /", tilt=0.1
d1: drift, &
  l=1.0
b1: csbend, l=1.0, angle=0.1, e1=0.05, e2=0.03, n_slices=4
s1: ksext, l=0.1, k2=20, group="words"
m1: mult, knl=0.1, order=2
rf: rfca, volt=1e6, freq=5e8, phase=150
mt: ematrix, l=0.5, c5=0.5, r11=1, r12="kk", r22=1, r33=1, r44=1, r55=1, r66=1, t522=0.25
k1: kicker, l=0.1, hkick="kx 1e-3 *", tilt="kk k2 / atan"
ring: line=("Q:1",d1,2*b1,-d1,s1,rf,m1,mt,k1,s0)
"""
BMAD = """! a ring
parameter[e_tot] = 3e9; parameter[particle] = electron; beginning[beta_a] = 10
a = 0.3; b := 2*a^2 - sqrt(a)/3 + cos(twopi) * mass_of(proton) / 1e9
q1: quad, l = 0.5, k1 = b, type = "word",
  tilt, x_offset = 1e-3, x_limit = 0.1
q2: q1, k1 = -q1[k1]; d: drift, l = 1.0 &
  + a
bb: sbend, l = 1, g = 0.1, e1 = 0.02, hgap = 0.01, fint; r2: rbend, l = 1, angle = 0.1
m: ab_multipole, b2 = 3.0, a1 = 0.2; k: hkicker, kick = 1e-4; p: patch, x_pitch = 0.1
rf: rfcavity, l = 0.1, voltage = 1e6, rf_frequency = 5e8, phi0 = 0.1
call, file = sub.bmad
kn: overlay = {q2[tilt]:{0, 0.1, b}, d[l]:{1.2, 1.3, 1.4}}, var = {t}, x_knot = {0, 1, 2}, t = 0.5
gd: girder = {q1, q2}, x_offset = 1e-3; q2.k1 = 2*a; q2[k2] = q2.k1; q2[fringe_type] = full
ov: overlay = {q2[k1]: -2*x, bb[dg]}, var = {x, y}, x = 0.1
gr: group = {q1[k1]: v^2}, var = {v}, v = 2
s: sextupole, l = 0.1, k2 = 3, superimpose, ref = d, offset = 0.1, ref_origin = center
half(u): line = (q1, d, u); ring: line = (2*half(q2), bb, -(r2, m), rf, k, p)
quadrupole::q%[descrip] = "%"; *[tracking_method] = bmad_standard
use, ring
"""
AT_M = """function ring = small()
ring={...
atringparam('small',3000000000.0,1);...
atdrift('D1', 0.5, 'DriftPass');...
atquadrupole('QF',0.3,1.2,'StrMPoleSymplectic4Pass','PolynomB',[0 1.2 0],'MaxOrder',1);...
atsbend('B',1.0,pi/8,0,'EntranceAngle',0.1,'Data',[1 0;0 1],'NumIntSteps',10);...
atsextupole('S',0.1,-3e1,'T1',[0 0 0 0 0 0]);...
atrfcavity('RF',0,3e5,5e8,30,3e9);...
atmarker('M');...
};
end
"""
ELEMENTS = [
    {"FamName": "D", "Length": 0.5, "PassMethod": "DriftPass", "Class": "Drift"},
    {
        **{"FamName": "Q", "Length": 0.3, "PassMethod": "StrMPoleSymplectic4Pass", "K": 1.2},
        **{"PolynomB": [0.0, 1.2], "PolynomA": [0.0, 0.0], "Class": "Quadrupole"},
    },
    {
        **{"FamName": "B", "Length": 1.0, "PassMethod": "BndMPoleSymplectic4Pass", "K": 0.0},
        **{"BendingAngle": 0.1, "EntranceAngle": 0.05, "ExitAngle": 0.05, "Class": "Dipole"},
        **{"NumIntSteps": 10, "MaxOrder": 1, "PolynomB": [0.0, 0.0], "PolynomA": [0.0, 0.0]},
    },
]
AT_JSON = json.dumps(
    {
        "atjson": 1,
        "elements": ELEMENTS,
        "properties": {
            "energy": 3e9,
            "periodicity": 1,
            "particle": {"name": "", "rest_energy": 938272088.16, "charge": 1.0},
        },
    },
    indent=1,
)
XSUITE = json.dumps(
    {
        "__class__": "Environment",
        "elements": {
            "q": {"__class__": "Quadrupole", "length": 0.3, "k1": 1.2, "knl": [0, 0.1], "order": 5},
            "d": {"__class__": "Drift", "length": 0.5, "model": "exact"},
            "b": {"__class__": "Bend", "length": 1.0, "angle": 0.1, "k0": 0.1, "shift_x": 1e-3},
            "b..0": {"__class__": "ThickSliceBend", "parent_name": "b", "weight": 0.5},
            "b..in": {"__class__": "ThinSliceBendEntry", "parent_name": "b"},
            "r": {"__class__": "Replica", "parent_name": "q"},
            "m": {"__class__": "Multipole", "knl": [0.0, 0.1], "knl_rel": [0.1], "isthick": False},
            "c": {"__class__": "Cavity", "voltage": 1e5, "harmonic": 4, "lag": 180.0},
            "a": {"__class__": "LimitRect", "min_x": -0.1, "max_x": 0.2, "rot_s_rad": 0.1},
            "t": {"__class__": "Rotation", "rot_x_rad": 0.01, "seq": "xys"},
        },
        "_var_management_data": {"var_values": {"k": 0.6, "kq": 1.2, "__vary_default": {}}},
        "_var_manager": [
            ["vars['kq']", "(vars['k'] * 2.0)"],
            ["element_refs['q'].k1", "vars['kq']"],
            ["element_refs['m'].knl[1]", "f.sin(vars['kq'] - 1.2) + 0.1"],
            ["element_refs['m'].ksl[2]", "(-(vars['k'] ** 2) + element_refs['q'].k1)"],
        ],
        "lines": {"ring": {"element_names": [*"qdbrmdcat", "b..in", "b..0", "d"]}},
        "particle_ref": {"mass0": 938272088.16, "q0": 1.0, "p0c": [1e9], "gamma0": [1.4615]},
    },
    indent=1,
)
OWN = json.dumps(
    {
        "pyjutrack": 1,
        "reference": {"species": "proton", "mass": 938272088.16, "charge": 1.0, "p0c": 1.69e9},
        "variables": {"kq": 14.8, "kd": "kq/148 + sin(0*kq)^2", "a b": 1.0},
        "expressions": {"q.k1": "2*kq", "m.knl[1]": "kd/(2*`a b` - 1)"},
        "elements": [
            {"kind": "Quadrupole", "name": "q", "length": 0.1, "k1": 29.6, "steps": 4},
            {"kind": "Multipole", "name": "m", "knl": [0.0, 0.1]},
            {"kind": "SBend", "length": 1.0, "angle": 0.1, "e1": 0.05},
        ],
    },
    indent=1,
)
PALS = """PALS:
  facility:
    - variables: {k: 0.6, l: 0.5*k}
    - c: {kind: Controller, variables: {x: 1}, controls: [{parameter: d.*>length, expression: x}]}
    - q: {kind: Quadrupole, length: l, MagneticMultipoleP: &mm {Kn1: 2*k, tilt1: 0.1}}
    - set: {parameter: q>MagneticMultipoleP.Kn1, value: PARAMETER + 0.1*SELF.length}
    - d: {kind: Drift, include: sub.yaml}
    - b:
        kind: Bend
        length: 1.0
        BendP: {angle_ref: 0.1, e1: 0.05}
        MagneticMultipoleP: *mm
        TrackingP: {pyjutrack: {steps: 4}}
    - half: {kind: BeamLine, line: [q, d, {b: {repeat: 2}}]}
    - ring:
        kind: BeamLine
        line:
          - begin: {kind: BeginningEle, ReferenceP: {species_ref: proton, pc_ref: 1.0e+9}}
          - half: {repeat: -3}
          - q2: {inherit: q, length: 0.5}
    - use: ring
"""
SUFFIX = {
    **{"madx": ".madx", "mad8": ".mad8", "elegant": ".lte", "bmad": ".bmad"},
    **{"m": ".m", "mat": ".mat"},
    **{"at": ".json", "xsuite": ".json", "own": ".json", "pals": ".yaml"},
}
TEXTS = {
    **{"madx": MADX, "mad8": MAD8, "elegant": ELEGANT, "bmad": BMAD, "m": AT_M},
    **{"at": AT_JSON, "xsuite": XSUITE, "own": OWN, "pals": PALS},
}
#: what samples call
CALLED = {
    "sub.madx": "kd = 1.0;\n",
    "sub.mad8": "KD = 1.0\n",
    "sub.lte": "% 1.0 sto kx\ns0: sext, l=0.1\n",
    "sub.bmad": "c0 = 2*a\n",
    "sub.yaml": "length: 1.0\n",
}
