"""The command line: one file a command, imported only when that command is used."""

import signal
import sys
import traceback
import warnings
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, NoReturn, cast

import typer

from gengap import __version__
from gengap.cli.answer import only_json
from gengap.errors import InputError, unknown
from gengap.terminal import say, visible

# What Typer raises for a command line that it cannot parse; Click's own class, which Typer names nowhere in public.
_UsageError = cast("type[Exception]", typer.BadParameter.__bases__[0])

# Command -> what it does. `gengap.cli.NAME` holds either `command`, a function, or `app`, a Typer of subcommands.
COMMANDS = {
    "tour": "The first run: eleven claims, shown in minutes on data that come with gengap.",
    "certify": "An upper bound on true risk from held-out predictions or counts.",
    "audit": "Has this model learned or memorised? One report on a model that was trained elsewhere.",
    "randomize": "The randomization test of a recipe: does it learn, or can it memorise?",
    "measure": "Every complexity measure of a trained network.",
    "probe": "One measurement of a trained network: coherence, curvature, sensitivity, memorised examples …",
    "rank": "Which measure orders a grid of networks as their generalization gaps do.",
    "trial": "Measures on trial: do they follow the gap, and which harmless changes move them?",
    "pgdl": "Score measures on a folder of trained networks, as the PGDL competition did.",
    "interpolate": "Fit every training label exactly: kernel machines, random features, ReLUs, forests.",
    "study": "The papers: list, show or run a study.",
    "atlas": "The site of every study: each paper's numbers beside ours.",
    "data": "Data sets: list, fetch or verify.",
    "models": "The named models with their parameter counts.",
    "runs": "Stored runs: list, export or remove.",
}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command and exits: 0 done, 1 a gate does not hold, 2 unusable input, 3 an internal error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    status = 0
    warnings.formatwarning = _warning_text
    _end_as_by_ctrl_c()
    try:
        application = _application(arguments[0] if arguments else "")
        with only_json() if "--json" in arguments and "--help" not in arguments else nullcontext():
            status = application(args=arguments, prog_name="gengap", standalone_mode=False)
    except InputError as error:
        _tell(str(error))
        status = 2
    except _UsageError as error:
        _tell(_usage(error, arguments))
        status = 2
    except typer.Abort:
        _tell("stopped, nothing was done.")
        status = 1
    except KeyboardInterrupt:
        status = 130
    except Exception:
        say(traceback.format_exc(), err=True)
        _tell("internal error; the traceback above says where.")
        status = 3
    sys.exit(status or 0)


def _warning_text(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """What is printed of a warning: gengap's are for the user, others for whoever reads the code they come from."""
    if issubclass(category, UserWarning) and Path(__file__).parents[1] in Path(filename).parents:
        return visible(f"gengap: {message}\n")
    return visible(f"{filename}:{lineno}: {category.__name__}: {message}\n")


def _end_as_by_ctrl_c() -> None:
    """SIGTERM and SIGHUP close what is open, as Ctrl-C does; one that is ignored, as under nohup, stays so."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and current_thread() is main_thread() and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _tell(message: str) -> None:
    if message:
        say(f"gengap: {message}", err=True)


def _usage(error: Any, arguments: list[str]) -> str:
    """What is wrong with the command line; nothing where no command was named, as its help is then printed already."""
    message = " ".join(error.format_message().split())
    command = error.ctx.command_path if error.ctx else f"gengap {arguments[0]}"
    return f"{message}\nNext: {command} --help" if message else ""


def _application(chosen: str) -> typer.Typer:
    """The Typer application in which only the chosen command is real; the others are names and help."""
    if chosen not in COMMANDS and chosen.strip("-") == chosen != "":
        raise unknown("command", chosen, COMMANDS)
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback(help="Measure generalization: learned or memorised, and what is a held-out score worth?")(_gengap)
    for name, help_text in COMMANDS.items():
        module = import_module(f"gengap.cli.{name}") if name == chosen else None
        if module is not None and hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=help_text, no_args_is_help=True)
        else:
            app.command(name, help=help_text)(module.command if module is not None else _stub)
    return app


def _stub() -> None:
    """Stands for a command that was not called."""


def _version(value: bool) -> None:
    if value:
        say(__version__)
        raise typer.Exit


def _gengap(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass
