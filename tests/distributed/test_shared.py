"""A beam on two, three and four ranks gives what it gives on one, derivatives included."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import launch
import numpy as np
import pytest
import shared_study
from rebuilt import differences

import pyjutrack as pj
from pyjutrack import distributed
from pyjutrack.distributed import SERIAL, Communicator

#: relative to the largest entry: what the order of a sum changes, and differences of it
USUAL = 1e-11
TOLERANCES = {
    "field": 1e-13,
    "gradient, fd": 1e-7,
    "Jacobian, fd": 1e-9,
    "survivors": 0,
    "alive": 0,
}
SLOPES = (
    "gradient, reverse",
    "gradient, forward",
    "gradient, reversible",
    "gradient, checkpoint",
    "own slope",
)
SAID = {
    "not finite": "InvalidValueError: particle 7 of rank {last} has py = nan",
    "too wide": "InvalidValueError: the beam is larger than the space-charge box",
    "all lost": "InvalidValueError: no particle of the beam is alive",
    "smaller part": "InvalidValueError: the beam was shared with 5003 particles",
    "a figure of each rank": "InvalidValueError: the objective differs between ranks",
    "different beams": "InvalidValueError: the ranks were given different beams",
    "shared twice": "InvalidValueError: the beam is shared already",
    "few": "InvalidValueError: 1 particles cannot be shared among {size} ranks",
    "no beam": "InvalidValueError: the ranks were given different beams",
    "a file": "InvalidValueError: a file needs the whole beam",
    "lost on one rank": "nothing",
}

#: how many ranks share the beam, by torch.distributed, and by MPI
TEAMS = ("3", "2")
MPI_TEAMS = ("2 by MPI", "4 by MPI")

Found = dict[str, Any]


@pytest.fixture(scope="module")
def alone() -> dict[str, np.ndarray]:
    return shared_study.study(SERIAL) | shared_study.slow_study(SERIAL)


@pytest.fixture(scope="module")
def folder(alone: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ranks of all teams leave what they find; kernels are compiled by then, `alone`."""
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def by_torch(folder: Path) -> None:
    """Three processes, loaded once, that are one team after the other."""
    ended = launch.finish(launch.start("shared_study.py", 3, folder, *TEAMS), limit=600)
    assert [e.code for e in ended] == [0, 0, 0], "\n".join(e.said for e in ended)


@pytest.fixture(
    scope="module",
    params=[*TEAMS, *(pytest.param(team, marks=launch.needs_mpi) for team in MPI_TEAMS)],
)
def job(request: pytest.FixtureRequest, folder: Path) -> list[Found]:
    """What each rank of a team has found."""
    if request.param in TEAMS:
        request.getfixturevalue("by_torch")
    return found_by(folder, request.param)


def found_by(folder: Path, team: str) -> list[Found]:
    """What the ranks of a team have found, the first time by running them, if by MPI."""
    ranks = int(team.split()[0])
    if team in MPI_TEAMS and not (folder / f"{team}, 0.pickle").exists():
        ended = launch.run_by_mpi("shared_study.py", ranks, str(folder))
        assert ended.code == 0, ended.said
    return [pickle.loads((folder / f"{team}, {rank}.pickle").read_bytes()) for rank in range(ranks)]


def test_numbers_are_those_of_one_process(job: list[Found], alone: dict[str, np.ndarray]) -> None:
    for name, found in job[0]["study"].items():
        tolerance = TOLERANCES.get(name, USUAL)
        largest = np.abs(alone[name]).max()
        np.testing.assert_allclose(
            found, alone[name], rtol=0, atol=tolerance * largest, err_msg=name
        )


def test_numbers_are_the_same_on_every_rank_bit_by_bit(job: list[Found]) -> None:
    for other in job[1:]:
        for name, found in job[0]["study"].items():
            np.testing.assert_array_equal(other["study"][name], found, err_msg=name)


@launch.needs_mpi
def test_numbers_of_both_back_ends_are_the_same_bit_by_bit(by_torch: None, folder: Path) -> None:
    by_mpi = found_by(folder, "2 by MPI")[0]["study"]
    for name, found in found_by(folder, "2")[0]["study"].items():
        np.testing.assert_array_equal(by_mpi[name], found, err_msg=name)


def test_messages_reach_all(job: list[Found]) -> None:
    texts = ["x" * 1000 * rank for rank in range(len(job))]
    for rank, found in enumerate(job):
        assert found["messages"] == {
            "broadcast": texts[-1],
            "gather": [{"rank": n, "text": text} for n, text in enumerate(texts)],
            "scatter": rank,
        }


def test_the_ranks_have_something_to_share(alone: dict[str, np.ndarray]) -> None:
    """What is compared above is not trivial: all slopes count, and some particles are lost."""
    assert alone["survivors"] == shared_study.PARTICLES - 20
    assert alone["charge"] == 2e-8
    assert alone["weights"].std() > 0.2
    np.testing.assert_allclose(alone["wake, forward"], alone["wake, reverse"], rtol=1e-9)
    assert (np.abs(alone["wake, reverse"]) > 1e-6 * alone["moments"][-6]).all()
    for name in SLOPES:
        assert (np.abs(alone[name]) > 1e-3 * np.abs(alone[name]).max()).all(), name
    for mode in ("forward", "fd"):
        np.testing.assert_allclose(
            alone[f"gradient, {mode}"], alone["gradient, reverse"], rtol=1e-5
        )


def test_slopes_are_differences_of_values_from_rebuilt_inputs(
    job: list[Found], alone: dict[str, np.ndarray]
) -> None:
    """Of one process, in which neither knobs nor ranks have a part; those of the ranks too."""
    cell, beam, knobs = shared_study.CELL, shared_study.whole_beam(), shared_study.KNOBS
    figure = pj.observables.emittance_growth("x")
    expected = differences(figure, cell, beam, knobs, 1e-5, effects=[shared_study.KICK])
    expected *= [*map(cell.value, knobs[:-1]), beam.current]
    for study in (alone, *(found["study"] for found in job)):
        for mode in ("reverse", "forward", "reversible", "checkpoint"):
            np.testing.assert_allclose(study[f"gradient, {mode}"], expected, rtol=1e-7)


def test_parts_are_blocks_of_one_beam(job: list[Found]) -> None:
    """Cut from a beam, drawn, or sent from rank 0; and gathered again."""
    whole = job[0]["parts"]["whole"]
    sizes = [len(found["parts"]["cut"]) for found in job]
    assert sum(sizes) == len(whole)
    assert max(sizes) - min(sizes) == 1
    for name in ("cut", "drawn", "sent"):
        joined = np.concatenate([found["parts"][name] for found in job])
        np.testing.assert_array_equal(joined, whole, err_msg=name)
    for found in job:
        np.testing.assert_array_equal(found["parts"]["back again"], whole)
        np.testing.assert_array_equal(found["parts"]["quiet, drawn"], found["parts"]["quiet, cut"])
    assert not np.array_equal(job[0]["parts"]["quiet, cut"], job[0]["parts"]["cut"])


@pytest.mark.parametrize("name", SAID)
def test_a_fault_on_one_rank_is_raised_on_all(job: list[Found], name: str) -> None:
    expected = SAID[name].format(last=len(job) - 1, size=len(job))
    for found in job:
        assert found["refusals"][name].startswith(expected)


def test_a_part_says_that_it_is_one(job: list[Found]) -> None:
    for rank, found in enumerate(job):
        held = len(found["parts"]["cut"])
        assert found["repr"].startswith(f"Beam({held} of 5003 macroparticles, 0 lost here; ")
        assert found["repr"].endswith(f"rank {rank} of {len(job)})")


def test_the_julia_engine_refuses_a_part(make_beam) -> None:
    from pyjutrack.engines.julia import border

    part = make_beam(10).replace(world=Communicator(1, 3, particles=30))
    with pytest.raises(pj.errors.InvalidValueError, match=r"julia engine .* rank 1 of 3"):
        border.coordinates(part)


def test_alone_nothing_is_asked_of_anybody(make_beam, monkeypatch) -> None:
    for variable in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    beam = make_beam(100)
    with distributed.job() as world:
        assert world.is_serial
        assert distributed.shard(beam, world) is beam
        assert distributed.gather(beam) is beam


@pytest.mark.parametrize(
    ("options", "variables", "said"),
    [
        ({"timeout": 0.0}, {}, "timeout must be positive, got 0.0 s"),
        ({"backend": "smoke"}, {}, "backend must be None or one of .*, got 'smoke'"),
        ({"timeout": float("inf")}, {}, "timeout must be positive"),
        ({"device": "abacus"}, {}, "abacus"),
        ({}, {"WORLD_SIZE": "2"}, "RANK=None; start the job with torchrun"),
        ({}, {"WORLD_SIZE": "two"}, "WORLD_SIZE=two"),
        ({}, {"PMI_SIZE": "-"}, "PMI_SIZE=-, by which mpiexec of MPICH or Intel MPI counts"),
        (
            {},
            {"OMPI_COMM_WORLD_SIZE": "4", "WORLD_SIZE": "2", "RANK": "0"},
            "OMPI_COMM_WORLD_SIZE says 4 ranks, of mpirun of Open MPI, and WORLD_SIZE 2",
        ),
        ({"device": "meta"}, {"SLURM_STEP_NUM_TASKS": "2"}, "'meta' is of jobs that torchrun"),
    ],
)
def test_jobs_that_cannot_be(monkeypatch, options, variables, said) -> None:
    for variable in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(pj.errors.InvalidValueError, match=said), distributed.job(**options):
        pass


def test_a_shared_beam_knows_its_whole(make_beam) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="how many particles the whole has"):
        make_beam(10).replace(world=Communicator(0, 2))


def test_jobs_of_mpi_need_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(pj.errors.MissingPackageError, match="pip install"), distributed.job():
        pass


@launch.needs_mpi
def test_ranks_that_do_not_see_each_other_are_no_job() -> None:
    """As when the mpirun of one MPI starts Python with another: each would track the whole beam."""
    script = "import pyjutrack as pj\nwith pj.distributed.job():\n    print('alone')"
    env = os.environ | {"PMI_SIZE": "2"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the launcher has started 2 ranks, and the MPI of mpi4py sees 1" in done.stderr
    assert done.stdout == ""
