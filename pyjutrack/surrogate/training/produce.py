"""A training run from start to finish: beams, steps, held-out errors, weights and card."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import torch
from tqdm import tqdm

from ...collective.poisson import Potential
from ...core.atomic import write_text, writing
from ...core.errors import InvalidValueError
from ..surrogate import Surrogate
from . import card
from .fields import default_teacher
from .fit import train
from .recipe import Recipe


def produce(
    recipe: Recipe,
    out: Path,
    *,
    teacher: Potential | None = None,
    command: str = "",
    held_out: int = 200,
    device: str | None = None,
    quiet: bool = False,
) -> Surrogate:
    """Train with progress bars, and write the weights and beside them the model card.

    A checkpoint beside `out` lets a run that was stopped go on where it was.

    Args:
        recipe, teacher: as for `train`.
        out: file of the weights; the card takes its name, with the suffix .md.
        command: what was typed, for the card.
        held_out: beams to measure the errors on.
        device: as for `train`; None is CUDA where there is one.
        quiet: whether there are no bars.
    """
    _check_out(out)
    teacher = default_teacher(recipe) if teacher is None else teacher
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    commit = card.source()  # now: the checkout may move on while training runs
    checkpoint = out.with_suffix(".checkpoint")
    with ExitStack() as bars:
        beams = bars.enter_context(_bar("beams", recipe.samples, quiet))
        steps: tqdm | None = None

        def report(step: int, loss: float, error: float) -> None:
            nonlocal steps
            if steps is None:
                beams.close()
                steps = bars.enter_context(_bar("train", recipe.steps, quiet, done=step - 1))
            steps.update(step - steps.n)
            steps.set_postfix(loss=f"{loss:.2g}", watched=f"{error:.2%}", refresh=False)

        surrogate = train(
            recipe,
            teacher=teacher,
            checkpoint=checkpoint,
            device=device,
            report=report,
            drawn=beams.update,
        )
    with _bar("held-out", held_out, quiet) as bar:
        surrogate = card.fill_card(
            surrogate,
            recipe,
            teacher,
            command=command,
            commit=commit,
            beams=held_out,
            progress=bar.update,
        )
    surrogate = surrogate.replace(about={**surrogate.about, "digest": surrogate.save(out)})
    write_text(out.with_suffix(".md"), card.text(surrogate, out.stem))
    checkpoint.unlink(missing_ok=True)
    return surrogate


def _check_out(out: Path) -> None:
    """Raise before training what would be found only after it."""
    if out.suffix != ".safetensors":
        raise InvalidValueError(f"weights are written to NAME.safetensors, not to {out}")
    if out.is_dir():
        raise InvalidValueError(f"{out} is a folder; give the name of a file")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass


def _bar(name: str, total: int, quiet: bool, *, done: int = 0) -> tqdm:
    return tqdm(total=total, initial=done, desc=name, file=sys.stderr, disable=quiet)
