# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Stands in for launch and launch_ros where ROS 2 comes from wheels, which lack them.

Loads a `.launch.py` with modules of the same names and signatures, resolves its arguments,
parameters, remappings, conditions and executables, and gives the command lines that launch_ros
would start. It knows only what the launch files of this package use, and says nothing of launch's
own semantics: events, timing and respawning are not here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class LaunchError(RuntimeError):
    """The launch file asks for something that launch would refuse too."""


@dataclass
class Context:
    """Values while a launch file is resolved: its arguments and the environment to be."""

    given: dict[str, str]
    folder: Path
    configurations: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    def text(self, value: Any) -> str:
        """Resolve a string, a substitution, or a list of them to a string."""
        if isinstance(value, Substitution):
            return value.perform(self)
        if isinstance(value, (str, Path)):
            return str(value)
        if isinstance(value, Iterable):
            return ''.join(self.text(part) for part in value)
        raise LaunchError(f'{value!r} is neither text nor a substitution')


@dataclass(frozen=True)
class Command:
    """A process that the launch file starts."""

    name: str
    argv: list[str]
    env: dict[str, str]
    parameters: dict[str, Any] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    namespace: str | None = None


# Substitutions


class Substitution:
    """A text that is known only when launched."""

    def perform(self, context: Context) -> str:
        raise NotImplementedError


class LaunchConfiguration(Substitution):
    """The value of an argument."""

    def __init__(self, variable_name: str) -> None:
        self.variable_name = variable_name

    def perform(self, context: Context) -> str:
        try:
            return context.configurations[self.variable_name]
        except KeyError:
            raise LaunchError(f'argument {self.variable_name!r} was not declared') from None


class EnvironmentVariable(Substitution):
    """The value of an environment variable."""

    def __init__(self, name: str, *, default_value: str | None = None) -> None:
        self.name = name
        self.default_value = default_value

    def perform(self, context: Context) -> str:
        environment = {**os.environ, **context.environment}
        if self.name in environment:
            return environment[self.name]
        if self.default_value is None:
            raise LaunchError(f'environment variable {self.name!r} is not set')
        return context.text(self.default_value)


class ExecutableInPackage(Substitution):
    """The path of an executable of a ROS package."""

    def __init__(self, executable: str, package: str) -> None:
        self.executable = executable
        self.package = package

    def perform(self, context: Context) -> str:
        return find_executable(self.package, self.executable)


class IfCondition:
    """Holds when the text is true."""

    def __init__(self, predicate_expression: Any) -> None:
        self.predicate_expression = predicate_expression

    def evaluate(self, context: Context) -> bool:
        text = context.text(self.predicate_expression).lower()
        if text not in {'true', '1', 'false', '0'}:
            raise LaunchError(f'condition is {text!r}, expected true or false')
        return text in {'true', '1'}


# Actions


class Action:
    """Something a launch description does."""

    condition: IfCondition | None = None

    def visit(self, context: Context) -> None:
        if self.condition is None or self.condition.evaluate(context):
            self.execute(context)

    def execute(self, context: Context) -> None:
        raise NotImplementedError


class LaunchDescription:
    """A list of actions."""

    def __init__(self, initial_entities: Iterable[Action]) -> None:
        self.entities = list(initial_entities)

    def visit(self, context: Context) -> None:
        for entity in self.entities:
            entity.visit(context)


class DeclareLaunchArgument(Action):
    """An argument with its default, meaning and allowed values."""

    def __init__(
        self,
        name: str,
        *,
        default_value: Any = None,
        description: str | None = None,
        choices: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.default_value = default_value
        self.description = description
        self.choices = choices

    def execute(self, context: Context) -> None:
        # As in launch, a value that is already set (by an including file) wins over the default.
        value = context.given.get(self.name, context.configurations.get(self.name))
        if value is None:
            if self.default_value is None:
                raise LaunchError(f'argument {self.name!r} is required')
            value = context.text(self.default_value)
        if self.choices is not None and value not in self.choices:
            raise LaunchError(f'{self.name} is {value!r}, expected one of {list(self.choices)}')
        context.configurations[self.name] = value


class SetEnvironmentVariable(Action):
    """Sets a variable for the processes started after it."""

    def __init__(self, name: Any, value: Any) -> None:
        self.name = name
        self.value = value

    def execute(self, context: Context) -> None:
        context.environment[context.text(self.name)] = context.text(self.value)


class OpaqueFunction(Action):
    """Calls a function of the launch file and does what it returns."""

    def __init__(self, *, function: Callable[[Context], list[Action] | None]) -> None:
        self.function = function

    def execute(self, context: Context) -> None:
        for action in self.function(context) or []:
            action.visit(context)


class PythonLaunchDescriptionSource:
    """Another launch file."""

    def __init__(self, launch_file_path: Any) -> None:
        self.launch_file_path = launch_file_path


class IncludeLaunchDescription(Action):
    """Does what another launch file says."""

    def __init__(
        self,
        launch_description_source: PythonLaunchDescriptionSource,
        *,
        launch_arguments: Iterable[tuple[str, Any]] = (),
    ) -> None:
        self.source = launch_description_source
        self.launch_arguments = list(launch_arguments)

    def execute(self, context: Context) -> None:
        for name, value in self.launch_arguments:
            context.configurations[name] = context.text(value)
        path = Path(context.text(self.source.launch_file_path))
        load_launch_file(path).visit(context)


class Shutdown(Action):
    """Ends everything; only meaningful as `on_exit`."""

    def __init__(self, *, reason: str = '') -> None:
        self.reason = reason


class ExecuteProcess(Action):
    """Starts a program."""

    def __init__(
        self,
        *,
        cmd: Sequence[Any],
        name: str | None = None,
        output: str = 'log',
        on_exit: Action | None = None,
        condition: IfCondition | None = None,
    ) -> None:
        self.cmd = cmd
        self.name = name
        self.output = output
        self.on_exit = on_exit
        self.condition = condition

    def execute(self, context: Context) -> None:
        argv = [context.text(part) for part in self.cmd]
        name = self.name or Path(argv[0]).name
        context.commands.append(Command(name, argv, dict(context.environment)))


class ParameterValue:
    """A parameter whose type is not left to YAML."""

    def __init__(self, value: Any, *, value_type: type) -> None:
        self.value = value
        self.value_type = value_type


class Node(Action):
    """Starts a ROS node, with name, namespace, parameters and remappings as arguments."""

    def __init__(
        self,
        *,
        package: str,
        executable: str,
        name: str | None = None,
        namespace: Any = None,
        parameters: Sequence[Any] = (),
        remappings: Sequence[tuple[Any, Any]] = (),
        arguments: Sequence[Any] = (),
        output: str = 'log',
        condition: IfCondition | None = None,
        respawn: bool = False,
        respawn_delay: float | None = None,
    ) -> None:
        self.respawn = respawn, respawn_delay
        self.package = package
        self.executable = executable
        self.name = name
        self.namespace = namespace
        self.parameters = parameters
        self.remappings = remappings
        self.arguments = arguments
        self.output = output
        self.condition = condition

    def execute(self, context: Context) -> None:
        argv = [find_executable(self.package, self.executable)]
        argv += [context.text(argument) for argument in self.arguments]
        ros = []
        namespace = None
        if self.name is not None:
            ros += ['-r', f'__node:={self.name}']
        if self.namespace is not None:
            namespace = '/' + context.text(self.namespace).strip('/')
            ros += ['-r', f'__ns:={namespace}']
        values: dict[str, Any] = {}
        for number, source in enumerate(self.parameters):
            file, new = _parameter_file(context, source, number)
            ros += ['--params-file', str(file)]
            values.update(new)
        remappings = {context.text(a): context.text(b) for a, b in self.remappings}
        for source, target in remappings.items():
            ros += ['-r', f'{source}:={target}']
        if ros:
            argv += ['--ros-args', *ros]
        name = self.name or self.executable
        context.commands.append(
            Command(name, argv, dict(context.environment), values, remappings, namespace)
        )


class LifecycleNode(Node):
    """Starts a managed node; name and namespace are required."""

    def __init__(self, *, name: str, namespace: Any, **arguments: Any) -> None:
        super().__init__(name=name, namespace=namespace, **arguments)


def _parameter_file(context: Context, source: Any, number: int) -> tuple[Path, dict[str, Any]]:
    """Return the file that a node reads its parameters from, and the values written by name."""
    if not isinstance(source, Mapping):
        path = Path(context.text(source))
        if not path.is_file():
            raise LaunchError(f'parameter file {str(path)!r} does not exist')
        return path, {}
    values = {}
    for name, value in source.items():
        if isinstance(value, ParameterValue):
            value = value.value_type(context.text(value.value))
        elif isinstance(value, Substitution):
            value = yaml.safe_load(context.text(value))
        values[context.text(name)] = value
    path = context.folder / f'launch_params_{len(context.commands)}_{number}.yaml'
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
    return path, values


def find_executable(package: str, executable: str) -> str:
    """Return the path of a package's executable: as `ros2 run` finds it, or in this environment.

    Raises:
        LaunchError: it is in neither place.
    """
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        path = Path(prefix) / 'lib' / package / executable
        if prefix and os.access(path, os.X_OK):
            return str(path)
    path = shutil.which(executable, path=str(Path(sys.executable).parent))
    if path is None:
        raise LaunchError(
            f"executable '{executable}' not found on the libexec directory of {package}"
        )
    return path


# Loading and resolving

MODULES = {
    'launch': [LaunchDescription],
    'launch.actions': [
        DeclareLaunchArgument,
        ExecuteProcess,
        IncludeLaunchDescription,
        OpaqueFunction,
        SetEnvironmentVariable,
        Shutdown,
    ],
    'launch.conditions': [IfCondition],
    'launch.launch_description_sources': [PythonLaunchDescriptionSource],
    'launch.substitutions': [EnvironmentVariable, LaunchConfiguration],
    'launch_ros': [],
    'launch_ros.actions': [LifecycleNode, Node],
    'launch_ros.parameter_descriptions': [ParameterValue],
    'launch_ros.substitutions': [ExecutableInPackage],
}


@contextmanager
def _stand_in_modules() -> Iterable[None]:
    """Put the stand-ins where `import launch` finds them, for as long as a file is loaded."""
    real = {name: sys.modules.get(name) for name in MODULES}
    for name, members in MODULES.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member.__name__, member)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in real.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def load_launch_file(path: Path) -> LaunchDescription:
    """Run `generate_launch_description` of a launch file with the stand-ins."""
    spec = importlib.util.spec_from_file_location(
        f'launch_file_{path.stem}'.replace('.', '_'), path
    )
    module = importlib.util.module_from_spec(spec)
    with _stand_in_modules():
        spec.loader.exec_module(module)
        return module.generate_launch_description()


def declared_arguments(path: Path) -> dict[str, DeclareLaunchArgument]:
    """Return the arguments of a launch file by name, as `ros2 launch --show-args` lists them."""
    entities = load_launch_file(path).entities
    return {e.name: e for e in entities if isinstance(e, DeclareLaunchArgument)}


def resolve(path: Path, arguments: Mapping[str, str], folder: Path) -> list[Command]:
    """Return the processes that `ros2 launch PATH name:=value …` would start.

    Args:
        path: the launch file.
        arguments: values by argument name.
        folder: where files with parameters are written.

    Raises:
        LaunchError: an argument, an executable or a file is not as the launch file needs it.
    """
    unknown = set(arguments) - set(declared_arguments(path))
    if unknown:
        raise LaunchError(f'{path.name} has no argument {", ".join(sorted(unknown))}')
    context = Context(given=dict(arguments), folder=folder)
    load_launch_file(path).visit(context)
    return context.commands
