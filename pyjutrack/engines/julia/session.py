"""The one Julia of a process: started when first needed, called with errors translated."""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
import time
import warnings
from contextlib import ExitStack
from typing import Any

from ...core.errors import EngineError, InvalidValueError, PyJuTrackError, unknown
from . import image, installation

#: seconds of compilation from which on they are worth a word
_NOTICED = 1.0


class Session:
    """A running Julia with the bundled package loaded.

    Attributes:
        main: Julia's module Main.
        package: the module PyJuTrack.
        pieces: places in `store` of the elements that Julia holds; see `pieces.py`.
        store: a vector of Julia's.
    """

    def __init__(self, main: Any, package: Any, error: type[Exception]) -> None:
        self.main, self.package, self._error = main, package, error
        self.pieces: dict[Any, int] = {}
        self.store: Any = None
        self._compiling = _Compiling("what it needs")
        package.tell_b(lambda name: self._compiling.foretell(str(name)))

    def call(
        self, name: str, /, *arguments: Any, compiles: str = "what it needs", **options: Any
    ) -> Any:
        """Call a function of the package.

        Args:
            name: of the function.
            arguments, options: what it takes.
            compiles: what Julia compiles at the first such call. Said on the standard error: before
                derivatives by Enzyme and networks, which take seconds, and after what else took
                noticeable time. Not while it compiles: Julia holds Python's lock.

        Raises:
            InvalidValueError: Julia found fault with an argument.
            UnknownNameError: JuTrack has no such element, or the element no such field.
            EngineError: any other error in Julia, whose message both keep; or another thread than
                the main one asks.
            KeyboardInterrupt: Ctrl-C between two slices; what a handler of another signal raises
                comes as it is.
        """
        _require_main_thread()
        before, began = self.package.seconds_compiled(), time.perf_counter()
        self._compiling = _Compiling(compiles)
        try:
            return getattr(self.package, name)(*arguments, **options)
        except self._error as error:
            raise self._translate_error(error) from None
        finally:
            # threads that wait for one that compiles count, too
            compiled, took = self.package.seconds_compiled() - before, time.perf_counter() - began
            self._compiling.end(min(compiled, took))

    def _translate_error(self, error: Any) -> BaseException:
        kind = str(self.main.string(self.main.nameof(self.main.typeof(error.exception))))
        if kind == "InterruptException":
            return _raised(self.package)
        if kind == "UnknownName":
            found = error.exception
            # which is an attribute of every element here
            names = str(self.main.join(found.known, " ")).split(" ")
            known = ["length" if name == "len" else name for name in names]
            return unknown(str(found.kind), str(found.name), known)
        message = str(self.main.sprint(self.main.showerror, error.exception))
        if kind == "ArgumentError":
            return InvalidValueError(message.removeprefix("ArgumentError: "))
        family: PyJuTrackError = EngineError(f"Julia: {message.strip()}")
        return family


class _Compiling:
    """What is told of the compilation in one call."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.kinds: list[str] = []

    def foretell(self, kind: str) -> None:
        """Say what is compiled for some seconds from now on, each kind once, in one line."""
        if kind in self.kinds:
            return
        text = f"pyjutrack: Julia compiles {self.what}, some seconds for each new kind: {kind}"
        _say(f", {kind}" if self.kinds else text)
        self.kinds.append(kind)

    def end(self, took: float) -> None:
        """Say how long it took [s], where that was told before or is worth a word."""
        if self.kinds:
            _say(f" ... {took:.0f} s\n")
        elif took >= _NOTICED:
            _say(f"pyjutrack: Julia compiled {self.what} for {took:.0f} s, once for such a line\n")


def _say(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


class _Announcement:
    """Announcement on the standard error of a long task, and of its time."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __enter__(self) -> None:
        self.began = time.perf_counter()
        _say(f"pyjutrack: {self.text} ...")

    def __exit__(self, *_: object) -> None:
        _say(f" {time.perf_counter() - self.began:.0f} s\n")


def _require_main_thread() -> None:
    # its garbage collector waits for the thread that started it, which would wait for the call
    if threading.current_thread() is not threading.main_thread():
        raise EngineError(
            "the julia engine works in Python's main thread alone; use processes, or the native "
            "engine, to work in parallel"
        )


@functools.cache
def session() -> Session:
    """The Julia of this process, started at the first call.

    Its threads are those of PYTHON_JULIACALL_THREADS when it starts; with more than one,
    PYTHON_JULIACALL_HANDLE_SIGNALS=yes is needed, and Ctrl-C is Julia's.

    Raises:
        MissingPackageError: Julia or a package is missing, too old, or of another pyjutrack.
        EngineError: Julia does not start, or another thread than the main one asks.
    """
    _require_main_thread()
    with ExitStack() as start:
        if "juliacall" not in sys.modules:
            found = installation.find()
            installation.require_packages(found)
            start.enter_context(image.use(found))
        start.enter_context(_Announcement("starting Julia"))
        try:
            with warnings.catch_warnings():
                # both orders of import are tested; juliacall warns of one
                warnings.filterwarnings("ignore", "torch was imported before juliacall")
                import juliacall
        except (Exception, SystemExit) as error:
            raise EngineError(f"Julia does not start: {error}") from error
        main = juliacall.Main
        try:
            package = _package(main)
        except juliacall.JuliaError as error:
            raise EngineError(f"the Julia package does not load: {error}") from error
    _let_interrupt(package)
    return Session(main, package, juliacall.JuliaError)


def _package(main: Any) -> Any:
    """The bundled package, which the project holds."""
    if main.seval(f'Base.identify_package("{installation.OWN}") === nothing'):
        installation.require_own(_running(main), None)
    main.seval("using PyJuTrack: PyJuTrack")
    package = main.PyJuTrack
    version, folder = (str(found) for found in (main.pkgversion(package), main.pkgdir(package)))
    installation.require_own(_running(main), installation.Package(version, folder))
    return package


def _running(main: Any) -> installation.Installation:
    """What this process's Julia runs on."""
    project = str(main.seval("dirname(Base.active_project())"))
    return installation.Installation(str(main.Sys.BINDIR), project, installation.is_named())


def _let_interrupt(package: Any) -> None:
    """Have Julia ask between slices whether a signal came, where Python keeps the signals."""
    check, fetch = (
        ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        for name in ("PyErr_CheckSignals", "PyErr_Fetch")
    )
    package.ask_b(check, fetch)


def _raised(package: Any) -> BaseException:
    """What a signal's handler raised while Julia worked; KeyboardInterrupt of Julia's own."""
    kind, value, trace = (int(address) for address in package.caught())
    if not kind:
        return KeyboardInterrupt()
    try:
        # which is raised as soon as it is there again
        ctypes.pythonapi.PyErr_Restore(*map(ctypes.c_void_p, (kind, value, trace)))
    except BaseException as error:
        return error
    return KeyboardInterrupt()
