# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Stands in for launch and launch_ros where ROS 2 comes from wheels, which lack them.

Loads a `.launch.py` with modules of the same names, resolves its arguments, parameters, remappings,
conditions and executables, and gives the command lines that launch_ros would start.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

from launch_entities import (
    Action,
    Command,
    Context,
    DeclareLaunchArgument,
    EnvironmentVariable,
    ExecutableInPackage,
    ExecuteProcess,
    GroupAction,
    IfCondition,
    IncludeLaunchDescription,
    LaunchConfiguration,
    LaunchDescription,
    LaunchError,
    LifecycleNode,
    Node,
    OpaqueFunction,
    ParameterValue,
    PushROSNamespace,
    PythonLaunchDescriptionSource,
    SetEnvironmentVariable,
    Shutdown,
)

MODULES = {
    'launch': [LaunchDescription],
    'launch.actions': [
        DeclareLaunchArgument,
        ExecuteProcess,
        GroupAction,
        IncludeLaunchDescription,
        OpaqueFunction,
        SetEnvironmentVariable,
        Shutdown,
    ],
    'launch.conditions': [IfCondition],
    'launch.launch_description_sources': [PythonLaunchDescriptionSource],
    'launch.substitutions': [EnvironmentVariable, LaunchConfiguration],
    'launch_ros': [],
    'launch_ros.actions': [LifecycleNode, Node, PushROSNamespace],
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
    """Return the arguments of a launch file by name, without those of files that it includes."""
    entities = load_launch_file(path).entities
    return {e.name: e for e in entities if isinstance(e, DeclareLaunchArgument)}


def accepted_arguments(entities: Iterable[Action]) -> set[str]:
    """Return the names that `ros2 launch --show-args` lists, those of included files too."""
    names = set()
    for entity in entities:
        if isinstance(entity, DeclareLaunchArgument):
            names.add(entity.name)
        elif isinstance(entity, GroupAction):
            names |= accepted_arguments(entity.actions)
        elif isinstance(entity, IncludeLaunchDescription):
            included = load_launch_file(Path(entity.source.launch_file_path))
            names |= accepted_arguments(included.entities)
    return names


def resolve(path: Path, arguments: Mapping[str, str], folder: Path) -> list[Command]:
    """Return the processes that `ros2 launch PATH name:=value …` would start.

    Args:
        path: the launch file.
        arguments: values by argument name.
        folder: where files with parameters are written.

    Raises:
        LaunchError: an argument or an executable is not as the launch file needs it.
        Exception: what the launch file itself raises; launch then ends with status 1.
    """
    description = load_launch_file(path)
    unknown = set(arguments) - accepted_arguments(description.entities)
    if unknown:
        raise LaunchError(f'{path.name} has no argument {", ".join(sorted(unknown))}')
    return resolve_description(description, arguments, folder)


def resolve_description(
    description: LaunchDescription, arguments: Mapping[str, str], folder: Path
) -> list[Command]:
    """Return the processes of a description, with arguments and folder as in `resolve`."""
    context = Context(folder, load_launch_file, launch_configurations=dict(arguments))
    description.visit(context)
    return context.commands
