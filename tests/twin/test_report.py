"""Reports of calibrations: what is drawn is what was found, on a page that needs nothing else."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from twin_cases import SPLINE, line, linear, measured, scan, small, unknowns, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack import plotting
from pyjutrack.plotting.html import format_with_error
from pyjutrack.twin import Calibration, Measurements, Unknown, calibrate

SCREEN = dg.Screen("end", size=(0.02, 0.016), shape=(12, 10), resolution=1e-3, noise=1e-3)
INSTRUMENTS = (*wires(), SCREEN, dg.BeamPosition("end", noise=1e-5), dg.LossCount("end"))
WEIGHTS = torch.linspace(-1, 2, SPLINE.count, dtype=torch.float64)


def axes(columns: int = 1):
    return plotting.figure(columns)[1]


@pytest.fixture(scope="module")
def found() -> Calibration:
    twin = small(instruments=INSTRUMENTS)
    errors = (
        Unknown("q1.k1", relative=True, value=0.05),
        Unknown("q2.dx", value=4e-4),
        Unknown("field.weights", value=WEIGHTS),
    )
    data = measured(twin.replace(unknowns=errors), scan(6))
    used = {"end.screen": np.ones((6, 12, 10), dtype=bool)}
    used["end.screen"][:, 2, 3] = False
    data = Measurements(data.settings, data.readings, {"end.loss": 1e-3}, used)
    wanted = [
        Unknown("q1.k1", 0.1, relative=True),
        Unknown("q2.dx", 1e-3),
        Unknown("beam.alpha_x"),
        Unknown("field.weights", 2.0),
    ]
    return calibrate(twin, data, wanted, held_out=[1, 4], max_steps=3)


@pytest.fixture(scope="module")
def page(found: Calibration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found.report(tmp_path_factory.mktemp("report") / "here")


class Reader(HTMLParser):
    """Text, pictures, and what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.pictures: dict[str, bytes] = {}
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        source = given.get("src") or given.get("href") or ""
        if source.startswith("data:image/png;base64,"):
            self.pictures[str(given["alt"])] = base64.b64decode(source.partition(",")[2])
        elif source or tag in ("script", "link", "iframe"):
            self.links.append(f"{tag} {source}")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page(found: Calibration, page: Path) -> None:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert not reader.open
    assert not reader.links
    assert "url(" not in page.read_text(encoding="utf-8")
    said = " ".join(reader.words)
    assert found.summary() in said
    for row in found.table()[:3]:
        assert format_with_error(row["value"], row["sigma"], percent=row["relative"]) in said
    assert "field.weights 16" in said
    for shot in found.data.settings:
        assert f"{shot['q1.k1']:.6g}" in said
    assert said.count("held out ") >= 2
    # the pictures stand beside it too, and nothing else
    files = {p.name: p.read_bytes() for p in page.parent.iterdir()}
    assert files.keys() == {"index.html", *(f"{name}.png" for name in reader.pictures)}
    for name, content in reader.pictures.items():
        assert content.startswith(b"\x89PNG")
        assert content == files[f"{name}.png"]
    kick = line().names.index("field")
    assert {"fit", "shots", "unknowns", "correlations", f"kick-{kick}"} < reader.pictures.keys()
    assert {f"reading-{d.name}" for d in INSTRUMENTS} < reader.pictures.keys()
    squares = [np.nanmean(r**2) for r in found.residuals()["end.wire_x"]]
    worst, best = int(np.argmax(squares)), int(np.argmin(squares))
    assert re.search(rf"end.wire_x: shot {worst} \(worst\), .*shot {best} \(best\)", said)


def test_a_report_is_replaced(tmp_path: Path) -> None:
    twin = linear(places=["end"])
    found = calibrate(twin, measured(twin, [{}]), unknowns(1e-4)[:1], held_out=0)
    page = found.report(tmp_path)
    before = page.read_bytes()
    page.write_text("another")
    assert found.report(tmp_path) == page
    assert page.read_bytes() == before


def test_a_page_that_cannot_be_written_is_not_there(tmp_path: Path) -> None:
    twin = linear(places=["end"])
    found = calibrate(twin, measured(twin, [{}]), unknowns(1e-4)[:1], held_out=0)
    broken = found.replace(history=())  # nothing to be said of how it ended
    with pytest.raises(IndexError):
        broken.report(tmp_path)
    assert not (tmp_path / "index.html").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_names_are_no_code(tmp_path: Path) -> None:
    wicked = dg.BeamPosition("end", noise=1e-5, name="<script>&/..")
    twin = linear().replace(diagnostics=(wicked,))
    data = measured(twin, [{}] * 3)
    found = calibrate(twin, data, unknowns(1e-4)[:1], held_out=0)
    page = found.report(tmp_path / "a")
    assert "<script" not in page.read_text()
    assert all(p.parent == page.parent for p in (tmp_path / "a").iterdir())
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert "<script" not in found._repr_html_()


def test_in_a_notebook(found: Calibration) -> None:
    root = ElementTree.fromstring(found._repr_html_())
    said = " ".join(" ".join(root.itertext()).split())
    assert said.startswith(f"Calibration : {found.summary()}")
    cells = [[c.text for c in row] for row in root.findall(".//tr")]
    value, sigma = found["q1.k1"]
    assert cells[1][:3] == ["q1.k1", format_with_error(value, sigma, percent=True), "10 %"]
    assert float(cells[1][3]) == pytest.approx(value / sigma, abs=0.06)
    assert float(cells[1][4]) == pytest.approx(value / (0.01 - sigma**2) ** 0.5, abs=0.006)
    assert cells[3][2:5:2] == ["none", None]
    assert cells[-1][:2] == ["field.weights", "16"]
    rms = np.sqrt((found.values[3:] ** 2).mean())
    assert float(cells[-1][2]) == pytest.approx(rms, rel=1e-2)


@pytest.mark.parametrize(
    ("value", "sigma", "wanted"),
    [
        (0.0131089, 0.0017, "+0.0131 ± 0.0017"),
        (-57.5, 39.0, "-58 ± 39"),
        (1.99311e-4, 3.8e-6, "(+1.993 ± 0.038)e-4"),
        (1.99311e-9, 3.8e-11, "(+1.993 ± 0.038)e-9"),
        (123456.0, 250.0, "(+1.2346 ± 0.0025)e5"),
        (1e-9, 2e-3, "+0.0000 ± 0.0020"),
        (1.5, 0.0, "+1.5"),
        (1.5, np.nan, "+1.5"),
        (1.5, np.inf, "+1.5, not determined"),
    ],
)
def test_numbers_with_errors(value: float, sigma: float, wanted: str) -> None:
    assert format_with_error(value, sigma) == wanted


def test_a_profile() -> None:
    measured_, errors = np.linspace(0, 0.1, 24), 2e-3
    wire, used = wires()[0], np.arange(24) != 5
    more = {"design": measured_ - 1e-3, "used": used, "label": "fitted"}
    ax = plotting.plot_profile(axes(), wire, measured_, errors, measured_ + 1e-3, **more)
    design, model, points = ax.get_lines()
    np.testing.assert_allclose(model.get_xdata(), 1e3 * wire.axes[0].centres)
    np.testing.assert_allclose(model.get_ydata(), measured_ + 1e-3)
    assert model.get_label() == "fitted"
    np.testing.assert_allclose(design.get_ydata(), measured_ - 1e-3)
    np.testing.assert_allclose(points.get_ydata(), measured_[used])
    (bars,) = ax.collections
    heights = [np.ptp(path.vertices[:, 1]) for path in bars.get_paths()]
    np.testing.assert_allclose(heights, 4e-3)
    assert ax.get_xlabel() == "x [mm]"
    with pytest.raises(pj.errors.InvalidValueError, match=r"end.screen reads \(12, 10\)"):
        plotting.plot_profile(axes(), SCREEN, measured_, errors, measured_)


def test_a_screen() -> None:
    draw = np.random.default_rng(0)
    image, errors = draw.random((12, 10)), np.full((12, 10), 0.5)
    used = np.ones((12, 10), dtype=bool)
    used[3, 4] = False
    drawn = plotting.plot_screen(axes(3), SCREEN, image, errors, image + 1.0, used=used)
    first, second, third = (ax.get_images()[0] for ax in drawn)
    assert first.get_clim() == second.get_clim()
    assert first.get_extent() == pytest.approx((-10, 10, -8, 8))
    # imshow has rows for y
    assert np.ma.getmaskarray(first.get_array())[4, 3]
    np.testing.assert_allclose(third.get_array().compressed(), 2.0)
    assert third.get_clim()[0] == -third.get_clim()[1]
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"end.wire_x reads \(24,\), and there are 3"
    ):
        plotting.plot_screen(axes(3), wires()[0], image, errors, image)


def test_residuals(found: Calibration) -> None:
    draw = np.random.default_rng(0)
    off = {"a": draw.standard_normal((4, 5000)), "b": 2 * draw.standard_normal((4, 5000))}
    off["a"][0, :100] = np.nan
    off["b"][1, 0] = 1e9
    ax = plotting.plot_residuals(axes(), off, held_out=[1])
    trained, _ = ax.patches
    density, edges, _ = trained.get_data()
    assert (density * np.diff(edges)).sum() == pytest.approx(1.0)
    middle = np.abs(edges[:-1] + np.diff(edges) / 2 - 0.125) < 0.1
    # half of them are of rms 1, half of 2, less 100 of the narrow
    wanted = np.exp(-(0.125**2) / 2) * 0.4975 + 0.5025 * np.exp(-(0.125**2) / 8) / 2
    assert density[middle].mean() == pytest.approx(wanted / np.sqrt(2 * np.pi), rel=0.05)
    ax = plotting.plot_residuals_by_shot(axes(), off, held_out=[1])
    (image,) = ax.get_images()
    rows = np.asarray(image.get_array())
    np.testing.assert_allclose(rows[0], 1.0, rtol=0.05)
    np.testing.assert_allclose(rows[1, [0, 2, 3]], 2.0, rtol=0.05)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_lines()[0].get_xdata() == [1]


def test_history(found: Calibration) -> None:
    ax = plotting.plot_history(axes(), found.history, readings=100)
    cost, held_out, _ = (line.get_ydata() for line in ax.get_lines())
    assert list(held_out) == [s.held_out for s in found.history]
    np.testing.assert_allclose(cost, [s.cost / 50 for s in found.history])


def test_unknowns(found: Calibration) -> None:
    def points(ax: Axes) -> list[float]:
        return [float(c.lines[0].get_xdata()[0]) for c in ax.containers if hasattr(c, "lines")]

    rows = found.table()[:3]
    ax = plotting.plot_unknowns(axes(), rows)
    wanted = [rows[0]["value"] / 0.1, rows[1]["value"] / 1e-3]
    np.testing.assert_allclose(points(ax)[:2], wanted)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["q1.k1", "q2.dx", "beam.alpha_x"]
    assert "(no prior)" in ax.texts[2].get_text()
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths, 2.0)  # from -1 to 1 prior; none for the one without
    ax = plotting.plot_unknowns(axes(), rows[:1])
    np.testing.assert_allclose(points(ax), 100 * rows[0]["value"])
    assert "%" in ax.get_xlabel()


def test_correlations(found: Calibration) -> None:
    matrix = found.posterior.correlation[:3, :3]
    ax = plotting.plot_correlations(axes(), matrix, found.labels[:3])
    np.testing.assert_allclose(np.asarray(ax.get_images()[0].get_array()), matrix)
    assert [t.get_text() for t in ax.texts[:2]] == ["1.00", f"{matrix[0, 1]:.2f}"]


def test_a_learned_kick() -> None:
    """A linear potential, whose kick is the same everywhere; and one of known error."""

    class Tilted:
        count = 2

        def start(self):
            return torch.zeros(2, dtype=torch.float64)

        def value(self, weights, x, y, z):
            return weights[0] * x + weights[1] * y

        def slopes(self, weights, x, y, z):
            return weights[0].expand_as(x), weights[1].expand_as(x), None

    beam = small().beam
    kick = pj.HamiltonianKick(Tilted(), torch.tensor([2e-4, -1e-4]).double(), strength=2.0)
    ax = plotting.plot_learned_kick(axes(), kick, beam)
    (arrows,) = (c for c in ax.collections if hasattr(c, "U"))
    np.testing.assert_allclose(arrows.U, -4e-4)
    np.testing.assert_allclose(arrows.V, 2e-4)
    sizes = 1e3 * pj.moments.sizes(beam)
    assert np.abs(arrows.X).max() <= 3.01 * float(sizes[0])
    assert len(ax.patches) == 2
    # variance of H: (2 x sigma)^2 in x alone; at the edge 3 rms away
    ax = plotting.plot_learned_error(axes(), kick, beam, np.diag([1e-10, 0.0]))
    contours = next(c for c in ax.collections if hasattr(c, "levels"))
    edge = 2 * 1e-5 * 3 * float(sizes[0]) * 1e-3
    assert contours.levels[-1] * 1e-9 == pytest.approx(edge, rel=0.1)
    with pytest.raises(pj.errors.InvalidValueError, match="no extent in x and y"):
        plotting.plot_learned_kick(axes(), kick, linear().beam)
