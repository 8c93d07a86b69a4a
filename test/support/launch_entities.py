# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The substitutions and actions of launch and launch_ros that this package's launch files use.

They have the names and signatures of launch 3.7 and launch_ros 0.28 and do as these do, also where
that is a trap: what an include sets stays set until the group around it ends, a pushed namespace
comes before relative ones, a parameter file that is not there is left out with a warning. Events,
timing and respawning are not here. What loads launch files with them is `launch_stand_in`.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class LaunchError(RuntimeError):
    """The launch file asks for something that launch would refuse too."""


@dataclass
class Context:
    """Values while a launch file is resolved: its arguments and the environment to be."""

    folder: Path
    load: Callable[[Path], LaunchDescription]
    launch_configurations: dict[str, str] = field(default_factory=dict)
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
    on_exit: Any = None

    def exited(self, returncode: int) -> None:
        """Do what the launch file wants done when this process has ended.

        Raises:
            Exception: what the launch file raises; launch then ends everything, with status 1.
        """
        if callable(self.on_exit):
            event = types.SimpleNamespace(process_name=self.name, returncode=returncode)
            self.on_exit(event, None)


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
            return context.launch_configurations[self.variable_name]
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
        # A value that is already set wins over the default, whoever set it.
        value = context.launch_configurations.get(self.name)
        if value is None:
            if self.default_value is None:
                raise LaunchError(f'argument {self.name!r} is required')
            value = context.text(self.default_value)
        if self.choices is not None and value not in self.choices:
            raise LaunchError(f'{self.name} is {value!r}, expected one of {list(self.choices)}')
        context.launch_configurations[self.name] = value


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
            context.launch_configurations[name] = context.text(value)
        context.load(Path(self.source.launch_file_path)).visit(context)


class GroupAction(Action):
    """Does other actions; what they set is forgotten at its end."""

    def __init__(self, actions: Iterable[Action], *, scoped: bool = True) -> None:
        self.actions = list(actions)
        self.scoped = scoped

    def execute(self, context: Context) -> None:
        configurations = dict(context.launch_configurations)
        environment = dict(context.environment)
        for action in self.actions:
            action.visit(context)
        if self.scoped:
            context.launch_configurations, context.environment = configurations, environment


class PushROSNamespace(Action):
    """Puts a namespace before the relative ones of the nodes after it."""

    def __init__(self, namespace: Any) -> None:
        self.namespace = namespace

    def execute(self, context: Context) -> None:
        namespace = absolute_namespace(context, context.text(self.namespace))
        context.launch_configurations['ros_namespace'] = namespace


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
        additional_env: Mapping[str, Any] | None = None,
        on_exit: Any = None,
        condition: IfCondition | None = None,
    ) -> None:
        self.cmd = cmd
        self.name = name
        self.output = output
        self.additional_env = additional_env
        self.on_exit = on_exit
        self.condition = condition

    def execute(self, context: Context) -> None:
        argv = [context.text(part) for part in self.cmd]
        name = self.name or Path(argv[0]).name
        environment = process_environment(context, self.additional_env)
        context.commands.append(Command(name, argv, environment, on_exit=self.on_exit))


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
        additional_env: Mapping[str, Any] | None = None,
        on_exit: Any = None,
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
        self.additional_env = additional_env
        self.on_exit = on_exit
        self.condition = condition

    def execute(self, context: Context) -> None:
        argv = [find_executable(self.package, self.executable)]
        argv += [context.text(argument) for argument in self.arguments]
        ros = []
        if self.name is not None:
            ros += ['-r', f'__node:={self.name}']
        given = None if self.namespace is None else context.text(self.namespace)
        namespace = absolute_namespace(context, given)
        if namespace is not None:
            ros += ['-r', f'__ns:={namespace}']
        values: dict[str, Any] = {}
        for number, source in enumerate(self.parameters):
            file, new = _parameter_file(context, source, number)
            if not file.is_file():
                logging.getLogger(__name__).warning('Parameter file path is not a file: %s', file)
                continue
            ros += ['--params-file', str(file)]
            values.update(new)
        remappings = {context.text(a): context.text(b) for a, b in self.remappings}
        for source, target in remappings.items():
            ros += ['-r', f'{source}:={target}']
        if ros:
            argv += ['--ros-args', *ros]
        name = self.name or self.executable
        environment = process_environment(context, self.additional_env)
        context.commands.append(
            Command(name, argv, environment, values, remappings, namespace, self.on_exit)
        )


class LifecycleNode(Node):
    """Starts a managed node; name and namespace are required."""

    def __init__(self, *, name: str, namespace: Any, **arguments: Any) -> None:
        super().__init__(name=name, namespace=namespace, **arguments)


def _parameter_file(context: Context, source: Any, number: int) -> tuple[Path, dict[str, Any]]:
    """Return the file that a node reads its parameters from, and the values written by name."""
    if not isinstance(source, Mapping):
        return Path(context.text(source)), {}
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


def absolute_namespace(context: Context, namespace: str | None) -> str | None:
    """Return a node's namespace below the one that was pushed; None where there is neither."""
    pushed = context.launch_configurations.get('ros_namespace')
    if namespace is None and pushed is None:
        return None
    below = namespace or ''
    if pushed and not below.startswith('/'):
        below = f'{pushed}/{below}'
    return '/' + below.strip('/')


def process_environment(context: Context, additional: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the variables that a process gets beside those of this one."""
    own = {name: context.text(value) for name, value in (additional or {}).items()}
    return {**context.environment, **own}


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
