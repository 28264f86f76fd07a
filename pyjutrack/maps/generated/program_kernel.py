"""Runs programs. Written by `python -m pyjutrack.maps.codegen`; do not edit."""

import math

import numpy as np

from .. import openings
from . import map_kernels
from ...kernels.jit import kernel, scalar
from ...kernels.stumpff import fits

drift_one_exact = map_kernels.drift_one_exact
drift_paraxial_one_exact = map_kernels.drift_paraxial_one_exact
quadrupole_one_series = map_kernels.quadrupole_one_series
quadrupole_one_exact = map_kernels.quadrupole_one_exact
quadrupole_reach = map_kernels.quadrupole_reach
skew_quadrupole_one_exact = map_kernels.skew_quadrupole_one_exact
bend_one_series = map_kernels.bend_one_series
bend_one_exact = map_kernels.bend_one_exact
bend_reach = map_kernels.bend_reach
bend_linear_one_series = map_kernels.bend_linear_one_series
bend_linear_one_exact = map_kernels.bend_linear_one_exact
bend_linear_reach = map_kernels.bend_linear_reach
solenoid_one_series = map_kernels.solenoid_one_series
solenoid_one_exact = map_kernels.solenoid_one_exact
solenoid_reach = map_kernels.solenoid_reach

in_ellipse = scalar(openings.in_ellipse)
in_racetrack = scalar(openings.in_racetrack)

#: particles that go through the lattice together: few enough for the first-level cache
BLOCK = 256

# fmt: off

@scalar
def bend_kick(x, px, y, py, z, delta, angle, k0l, focusing):
    t0 = delta + 1.0
    t1 = angle * t0
    t2 = px + t1
    t3 = -k0l
    t4 = t2 + t3
    t5 = focusing * x
    t6 = -t5
    t7 = t4 + t6
    t8 = angle * x
    t9 = -t8
    t10 = z + t9
    return t7, t10


@scalar
def curved_quadrupole_kick(x, px, y, py, z, delta, k1hl):
    t0 = x * x
    t1 = y * y
    t2 = t1 * 0.5
    t3 = -t2
    t4 = t0 + t3
    t5 = k1hl * t4
    t6 = -t5
    t7 = px + t6
    t8 = k1hl * x
    t9 = t8 * y
    t10 = py + t9
    return t7, t10


@scalar
def edge_linear(x, px, y, py, z, delta, face, k0, fint, hgap):
    t0 = math.tan(face)
    t1 = k0 * t0
    t2 = t1 * x
    t3 = px + t2
    t4 = fint * 2.0
    t5 = t4 * hgap
    t6 = t5 * k0
    t7 = math.sin(face)
    t8 = t7 * t7
    t9 = t8 + 1.0
    t10 = t6 * t9
    t11 = math.cos(face)
    t12 = t10 / t11
    t13 = -t12
    t14 = face + t13
    t15 = math.tan(t14)
    t16 = k0 * t15
    t17 = t16 * y
    t18 = -t17
    t19 = py + t18
    return t3, t19


@scalar
def edge_fringe(x, px, y, py, z, delta, k0, fint, hgap):
    t0 = delta + 1.0
    t1 = t0 * t0
    t2 = px * px
    t3 = -t2
    t4 = t1 + t3
    t5 = py * py
    t6 = -t5
    t7 = t4 + t6
    t8 = math.sqrt(t7)
    t9 = px / t8
    t10 = py / t8
    t11 = t10 * t10
    t12 = t11 + 1.0
    t13 = t9 / t12
    t14 = fint * 2.0
    t15 = t14 * hgap
    t16 = t15 * k0
    t17 = t9 * t9
    t18 = t11 + 2.0
    t19 = t17 * t18
    t20 = t19 + 1.0
    t21 = t16 * t20
    t22 = t13 * t13
    t23 = t22 + 1.0
    t24 = t23 * t8
    t25 = t21 / t24
    t26 = math.tan(t25)
    t27 = -t26
    t28 = t13 + t27
    t29 = t13 * t26
    t30 = t29 + 1.0
    t31 = t28 / t30
    t32 = t31 * t31
    t33 = t32 + 1.0
    t34 = k0 * t33
    t35 = -t9
    t36 = t9 * t35
    t37 = -t36
    t38 = 1.0 + t37
    t39 = t38 / t8
    t40 = t13 * 2.0
    t41 = t40 * t10
    t42 = t10 * t35
    t43 = -t42
    t44 = t43 / t8
    t45 = t41 * t44
    t46 = -t45
    t47 = t39 + t46
    t48 = t47 / t12
    t49 = t48 / t23
    t50 = t9 * 2.0
    t51 = t39 * t18
    t52 = t9 * t10
    t53 = t52 * t44
    t54 = t51 + t53
    t55 = t50 * t54
    t56 = t16 * t55
    t57 = t40 * t48
    t58 = t57 * t8
    t59 = t23 * t35
    t60 = t58 + t59
    t61 = t25 * t60
    t62 = -t61
    t63 = t56 + t62
    t64 = t63 / t24
    t65 = -t64
    t66 = t49 + t65
    t67 = t34 * t66
    t68 = y * 2.0
    t69 = -t10
    t70 = t9 * t69
    t71 = -t70
    t72 = t71 / t8
    t73 = t10 * t69
    t74 = -t73
    t75 = 1.0 + t74
    t76 = t75 / t8
    t77 = t41 * t76
    t78 = -t77
    t79 = t72 + t78
    t80 = t79 / t12
    t81 = t80 / t23
    t82 = t72 * t18
    t83 = t52 * t76
    t84 = t82 + t83
    t85 = t50 * t84
    t86 = t16 * t85
    t87 = t40 * t80
    t88 = t87 * t8
    t89 = t23 * t69
    t90 = t88 + t89
    t91 = t25 * t90
    t92 = -t91
    t93 = t86 + t92
    t94 = t93 / t24
    t95 = -t94
    t96 = t81 + t95
    t97 = t34 * t96
    t98 = t97 * 2.0
    t99 = t98 * y
    t100 = -t99
    t101 = 1.0 + t100
    t102 = math.sqrt(t101)
    t103 = t102 + 1.0
    t104 = t68 / t103
    t105 = t104 * t104
    t106 = t105 * 0.5
    t107 = t67 * t106
    t108 = x + t107
    t109 = k0 * t31
    t110 = t109 * t104
    t111 = -t110
    t112 = py + t111
    t113 = t0 / t8
    t114 = t9 * t113
    t115 = -t114
    t116 = t115 / t8
    t117 = t10 * t113
    t118 = -t117
    t119 = t118 / t8
    t120 = t41 * t119
    t121 = -t120
    t122 = t116 + t121
    t123 = t122 / t12
    t124 = t123 / t23
    t125 = t116 * t18
    t126 = t52 * t119
    t127 = t125 + t126
    t128 = t50 * t127
    t129 = t16 * t128
    t130 = t40 * t123
    t131 = t130 * t8
    t132 = t23 * t113
    t133 = t131 + t132
    t134 = t25 * t133
    t135 = -t134
    t136 = t129 + t135
    t137 = t136 / t24
    t138 = -t137
    t139 = t124 + t138
    t140 = t34 * t139
    t141 = t140 * t106
    t142 = z + t141
    return t108, t104, t112, t142


@scalar
def rf_kick(x, px, y, py, z, delta, gain, wavenumber, phase, mass):
    t0 = delta + 1.0
    t1 = t0 * t0
    t2 = mass * mass
    t3 = t1 + t2
    t4 = math.sqrt(t3)
    t5 = -z
    t6 = t5 * t4
    t7 = t6 / t0
    t8 = wavenumber * t7
    t9 = phase + t8
    t10 = math.sin(t9)
    t11 = gain * t10
    t12 = t4 + t11
    t13 = -mass
    t14 = t12 + t13
    t15 = math.sqrt(t14)
    t16 = t12 + mass
    t17 = math.sqrt(t16)
    t18 = t15 * t17
    t19 = t18 / t12
    t20 = z * t19
    t21 = t4 / t0
    t22 = t20 * t21
    t23 = t4 * 2.0
    t24 = t23 + t11
    t25 = t11 * t24
    t26 = t18 + t0
    t27 = t25 / t26
    t28 = delta + t27
    return t22, t28


@scalar
def crab_kick(x, px, y, py, z, delta, kick, wavenumber, phase, mass):
    t0 = -z
    t1 = delta + 1.0
    t2 = t1 * t1
    t3 = mass * mass
    t4 = t2 + t3
    t5 = math.sqrt(t4)
    t6 = t0 * t5
    t7 = t6 / t1
    t8 = wavenumber * t7
    t9 = phase + t8
    t10 = math.sin(t9)
    t11 = kick * t10
    t12 = px + t11
    t13 = kick * wavenumber
    t14 = t13 * x
    t15 = math.cos(t9)
    t16 = t14 * t15
    t17 = -t16
    t18 = t5 + t17
    t19 = -mass
    t20 = t18 + t19
    t21 = math.sqrt(t20)
    t22 = t18 + mass
    t23 = math.sqrt(t22)
    t24 = t21 * t23
    t25 = t24 / t18
    t26 = z * t25
    t27 = t5 / t1
    t28 = t26 * t27
    t29 = t5 * 2.0
    t30 = t29 + t17
    t31 = t17 * t30
    t32 = t24 + t1
    t33 = t31 / t32
    t34 = delta + t33
    return t12, t28, t34


@scalar
def rescale(x, px, y, py, z, delta, ratio):
    t0 = px * ratio
    t1 = py * ratio
    t2 = delta * ratio
    t3 = ratio + -1.0
    t4 = t2 + t3
    return t0, t1, t4


@scalar
def roll(x, px, y, py, z, delta, cosine, sine):
    t0 = cosine * x
    t1 = sine * y
    t2 = t0 + t1
    t3 = cosine * px
    t4 = sine * py
    t5 = t3 + t4
    t6 = cosine * y
    t7 = sine * x
    t8 = -t7
    t9 = t6 + t8
    t10 = cosine * py
    t11 = sine * px
    t12 = -t11
    t13 = t10 + t12
    return t2, t5, t9, t13


@scalar
def patch(x, px, y, py, z, delta, shift0, shift1, shift2, axes00, axes01, axes02, axes10, axes11, axes12, axes20, axes21, axes22, path, beta0):
    t0 = -shift0
    t1 = x + t0
    t2 = axes00 * t1
    t3 = -shift1
    t4 = y + t3
    t5 = axes01 * t4
    t6 = t2 + t5
    t7 = -shift2
    t8 = axes02 * t7
    t9 = t6 + t8
    t10 = axes20 * t1
    t11 = axes21 * t4
    t12 = t10 + t11
    t13 = axes22 * t7
    t14 = t12 + t13
    t15 = -t14
    t16 = axes20 * px
    t17 = axes21 * py
    t18 = t16 + t17
    t19 = delta + 1.0
    t20 = t19 * t19
    t21 = px * px
    t22 = -t21
    t23 = t20 + t22
    t24 = py * py
    t25 = -t24
    t26 = t23 + t25
    t27 = math.sqrt(t26)
    t28 = axes22 * t27
    t29 = t18 + t28
    t30 = math.sqrt(t29)
    t31 = t30 * t30
    t32 = t15 / t31
    t33 = axes00 * px
    t34 = axes01 * py
    t35 = t33 + t34
    t36 = axes02 * t27
    t37 = t35 + t36
    t38 = t32 * t37
    t39 = t9 + t38
    t40 = axes10 * t1
    t41 = axes11 * t4
    t42 = t40 + t41
    t43 = axes12 * t7
    t44 = t42 + t43
    t45 = axes10 * px
    t46 = axes11 * py
    t47 = t45 + t46
    t48 = axes12 * t27
    t49 = t47 + t48
    t50 = t32 * t49
    t51 = t44 + t50
    t52 = delta + 2.0
    t53 = delta * t52
    t54 = beta0 * beta0
    t55 = -t54
    t56 = 1.0 + t55
    t57 = t53 * t56
    t58 = t54 * t53
    t59 = t58 + 1.0
    t60 = math.sqrt(t59)
    t61 = t19 + t60
    t62 = t60 * t61
    t63 = t57 / t62
    t64 = path * t63
    t65 = z + t64
    t66 = t19 * t32
    t67 = -t66
    t68 = path + t67
    t69 = t65 + t68
    return t39, t37, t51, t49, t69


@kernel
def through(turn, operations, starts, numbers, elements, x, px, y, py, z, delta, a, lost_turn,
        lost_element, saved, entered):
    """A block of at most BLOCK particles through a program, in place.

    Who is lost gets the turn and the element of it. saved (6, BLOCK) and entered (BLOCK) are room.
    """
    size = len(x)
    for s in range(len(operations)):
        op, at = operations[s], starts[s]
        if op == 0 or op == 2:
            # without branches first: all pass, nearly always
            passing = True
            for n in range(size):
                total = 1.0 + delta[n]
                across = px[n] * px[n] + py[n] * py[n]
                passing &= ((total > 0.0) & (across < total * total)) | (not a[n])
            if not passing:
                for n in range(size):
                    total = 1.0 + delta[n]
                    passes = total > 0.0 and px[n] * px[n] + py[n] * py[n] < total * total
                    if a[n] and not passes:
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
            if op == 0:
                for n in range(size):
                    entered[n] = a[n]
                    saved[0, n] = x[n]
                    saved[1, n] = px[n]
                    saved[2, n] = y[n]
                    saved[3, n] = py[n]
                    saved[4, n] = z[n]
                    saved[5, n] = delta[n]
        elif op == 1:
            arriving = True
            for n in range(size):
                total = x[n] + px[n] + y[n] + py[n] + z[n] + delta[n]
                arriving &= (a[n] & (total - total == 0.0)) | (not entered[n])
            if not arriving:
                for n in range(size):
                    if entered[n] and not (a[n] and math.isfinite(x[n] + px[n] + y[n] + py[n] + z[n] + delta[n])):
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
                        x[n] = saved[0, n]
                        px[n] = saved[1, n]
                        y[n] = saved[2, n]
                        py[n] = saved[3, n]
                        z[n] = saved[4, n]
                        delta[n] = saved[5, n]
        elif op == 3:  # drift
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            for n in range(size):
                v_x, v_y, v_z = drift_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1)
                x[n] = v_x if a[n] else x[n]
                y[n] = v_y if a[n] else y[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 4:  # drift_paraxial
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            for n in range(size):
                v_x, v_y, v_z = drift_paraxial_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1)
                x[n] = v_x if a[n] else x[n]
                y[n] = v_y if a[n] else y[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 5:  # quadrupole
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            small = True
            for n in range(size):
                small &= fits(quadrupole_reach(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)) or not a[n]
            if small:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = quadrupole_one_series(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
            else:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = quadrupole_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
        elif op == 6:  # skew_quadrupole
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            for n in range(size):
                v_x, v_px, v_y, v_py, v_z = skew_quadrupole_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                x[n] = v_x if a[n] else x[n]
                px[n] = v_px if a[n] else px[n]
                y[n] = v_y if a[n] else y[n]
                py[n] = v_py if a[n] else py[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 7:  # bend
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            small = True
            for n in range(size):
                small &= fits(bend_reach(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)) or not a[n]
            if small:
                for n in range(size):
                    v_x, v_px, v_y, v_z = bend_one_series(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    z[n] = v_z if a[n] else z[n]
            else:
                for n in range(size):
                    v_x, v_px, v_y, v_z = bend_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    z[n] = v_z if a[n] else z[n]
        elif op == 8:  # bend_linear
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            q4 = numbers[at + 4]
            small = True
            for n in range(size):
                small &= fits(bend_linear_reach(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3, q4)) or not a[n]
            if small:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = bend_linear_one_series(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3, q4)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
            else:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = bend_linear_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3, q4)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
        elif op == 9:  # solenoid
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            small = True
            for n in range(size):
                small &= fits(solenoid_reach(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)) or not a[n]
            if small:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = solenoid_one_series(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
            else:
                for n in range(size):
                    v_x, v_px, v_y, v_py, v_z = solenoid_one_exact(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                    x[n] = v_x if a[n] else x[n]
                    px[n] = v_px if a[n] else px[n]
                    y[n] = v_y if a[n] else y[n]
                    py[n] = v_py if a[n] else py[n]
                    z[n] = v_z if a[n] else z[n]
        elif op == 10:  # bend_kick
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            for n in range(size):
                v_px, v_z = bend_kick(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                px[n] = v_px if a[n] else px[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 11:  # curved_quadrupole_kick
            q0 = numbers[at + 0]
            for n in range(size):
                v_px, v_py = curved_quadrupole_kick(x[n], px[n], y[n], py[n], z[n], delta[n], q0)
                px[n] = v_px if a[n] else px[n]
                py[n] = v_py if a[n] else py[n]
        elif op == 12:  # edge_linear
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            for n in range(size):
                v_px, v_py = edge_linear(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                px[n] = v_px if a[n] else px[n]
                py[n] = v_py if a[n] else py[n]
        elif op == 13:  # edge_fringe
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            for n in range(size):
                v_x, v_y, v_py, v_z = edge_fringe(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2)
                x[n] = v_x if a[n] else x[n]
                y[n] = v_y if a[n] else y[n]
                py[n] = v_py if a[n] else py[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 14:  # rf_kick
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            for n in range(size):
                v_z, v_delta = rf_kick(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                z[n] = v_z if a[n] else z[n]
                delta[n] = v_delta if a[n] else delta[n]
        elif op == 15:  # crab_kick
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            for n in range(size):
                v_px, v_z, v_delta = crab_kick(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3)
                px[n] = v_px if a[n] else px[n]
                z[n] = v_z if a[n] else z[n]
                delta[n] = v_delta if a[n] else delta[n]
        elif op == 16:  # rescale
            q0 = numbers[at + 0]
            for n in range(size):
                v_px, v_py, v_delta = rescale(x[n], px[n], y[n], py[n], z[n], delta[n], q0)
                px[n] = v_px if a[n] else px[n]
                py[n] = v_py if a[n] else py[n]
                delta[n] = v_delta if a[n] else delta[n]
        elif op == 17:  # roll
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            for n in range(size):
                v_x, v_px, v_y, v_py = roll(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1)
                x[n] = v_x if a[n] else x[n]
                px[n] = v_px if a[n] else px[n]
                y[n] = v_y if a[n] else y[n]
                py[n] = v_py if a[n] else py[n]
        elif op == 18:  # multipole_kick
            for n in range(size):
                real, imag = 0.0, 0.0
                for m in range(starts[s + 1] - 2, at - 2, -2):
                    real, imag = (
                        numbers[m] + (real * x[n] - imag * y[n]),
                        numbers[m + 1] + (real * y[n] + imag * x[n]),
                    )
                if a[n]:
                    px[n] -= real
                    py[n] += imag
        elif op == 19:  # patch
            q0 = numbers[at + 0]
            q1 = numbers[at + 1]
            q2 = numbers[at + 2]
            q3 = numbers[at + 3]
            q4 = numbers[at + 4]
            q5 = numbers[at + 5]
            q6 = numbers[at + 6]
            q7 = numbers[at + 7]
            q8 = numbers[at + 8]
            q9 = numbers[at + 9]
            q10 = numbers[at + 10]
            q11 = numbers[at + 11]
            q12 = numbers[at + 12]
            q13 = numbers[at + 13]
            for n in range(size):
                v_x, v_px, v_y, v_py, v_z = patch(x[n], px[n], y[n], py[n], z[n], delta[n], q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13)
                x[n] = v_x if a[n] else x[n]
                px[n] = v_px if a[n] else px[n]
                y[n] = v_y if a[n] else y[n]
                py[n] = v_py if a[n] else py[n]
                z[n] = v_z if a[n] else z[n]
        elif op == 20:  # in_ellipse
            for n in range(size):
                a[n] = a[n] and in_ellipse(x[n], y[n], numbers[at + 0], numbers[at + 1])
        elif op == 21:  # in_racetrack
            for n in range(size):
                a[n] = a[n] and in_racetrack(x[n], y[n], numbers[at + 0], numbers[at + 1], numbers[at + 2], numbers[at + 3])


@kernel
def execute(part, start, stop, turns, operations, starts, numbers, elements, x, px, y, py, z,
        delta, alive, lost_turn, lost_element):
    """Run all turns, in place. For the lost, tells turn and element (-1 before)."""
    saved = np.empty((6, BLOCK), x.dtype)
    entered = np.empty(BLOCK, np.bool_)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        a = alive[low:high]
        for turn in range(turns):
            if not a.any():
                break
            through(turn, operations, starts, numbers, elements, x[low:high], px[low:high], y[low:high], py[low:high], z[low:high], delta[low:high], a,
                lost_turn[low:high], lost_element[low:high], saved, entered)
