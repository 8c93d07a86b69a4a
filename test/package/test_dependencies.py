# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the code imports, what rosdep is told and what pip installs are the same."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path

import pytest
from repository import REPO

from surgsam2_ros.evaluation.metrics import identity

# import name -> (rosdep key, requirement, * = ROS distribution); None where one does not know it.
LIBRARIES = {
    'cv2': ('python3-opencv', 'opencv-python-headless'),
    'jinja2': ('python3-jinja2', 'Jinja2'),
    'numpy': ('python3-numpy', 'numpy'),
    'psutil': ('python3-psutil', 'psutil'),
    'rosbags': (None, 'rosbags'),
    'safetensors': (None, 'safetensors'),
    'torch': (None, 'torch'),
    'tqdm': ('python3-tqdm', 'tqdm'),
    'yaml': ('python3-yaml', 'PyYAML'),
    'markupsafe': (None, None),  # comes with Jinja2
    # Come with rosbags; `compression` with Python 3.14.
    'backports': (None, None),
    'compression': (None, None),
    'ruamel': (None, None),
    'cv_bridge': ('cv_bridge', None),
    'launch': ('launch', None),
    'launch_ros': ('launch_ros', None),
    'rclpy': ('rclpy', 'ros-*-rclpy'),
    'surgsam2_msgs': ('surgsam2_msgs', None),
    'diagnostic_msgs': ('diagnostic_msgs', 'ros-*-diagnostic-msgs'),
    'lifecycle_msgs': ('lifecycle_msgs', 'ros-*-lifecycle-msgs'),
    'sensor_msgs': ('sensor_msgs', 'ros-*-sensor-msgs'),
    'std_srvs': ('std_srvs', 'ros-*-std-srvs'),
    # Come with the wheels above.
    'builtin_interfaces': ('builtin_interfaces', None),
    'geometry_msgs': ('geometry_msgs', None),
    'rcl_interfaces': ('rcl_interfaces', None),
    'rosgraph_msgs': ('rosgraph_msgs', None),
    'std_msgs': ('std_msgs', None),
}
# Of what `surgsam2 train` alone imports: import name -> requirement in train.txt; not for rosdep.
TRAINING = {
    'kornia': 'kornia',
    'lightning_fabric': 'lightning-fabric',
    'tensorboard': 'tensorboard',  # by torch.utils.tensorboard
    'pydantic': 'pydantic',
}
# Of what `surgsam2 evaluate` and `compare` alone import, likewise: requirement in evaluate.txt.
EVALUATION = {'scipy': 'scipy', 'trackeval': 'trackeval'}
# Of `surgsam2 evaluate --ray` alone, likewise: requirement in ray.txt.
CLUSTER = {'ray': 'ray'}
# Of `surgsam2 bench --against` alone, likewise: requirement in oracle.txt or bench.txt.
BENCHMARKS = {'sam2': 'sam2', 'timm': 'timm', 'transformers': 'transformers'}
# Of charts alone, likewise: requirement in charts.txt.
CHARTS = {'matplotlib': 'matplotlib'}
# Of `model.backend: onnx` and `model.profile: fast` alone, likewise: requirement in onnx.txt.
ENGINES = {'onnx': 'onnx', 'onnxruntime': 'onnxruntime', 'onnxscript': 'onnxscript'}
# Of `surgsam2 console` alone, and of the viewers that measure it: requirement in console.txt.
CONSOLE = {
    'fastapi': 'fastapi',
    'nicegui': 'nicegui',
    'starlette': 'starlette',
    'uvicorn': 'uvicorn',
    'websockets': 'websockets',
}
# Of `bond_timeout_s` alone: a ROS package that is on no wheel, and that rosdep need not install.
SUPERVISION = {'bondpy': None}
OPTIONAL = {
    **TRAINING,
    **EVALUATION,
    **CLUSTER,
    **BENCHMARKS,
    **ENGINES,
    **CHARTS,
    **CONSOLE,
    **SUPERVISION,
}
# Not imported: finds the package's share folder for `ros2 launch`, what launch files start, and
# the middleware.
ROS_RUNTIME = {'ament_index_python', 'rviz2'}
WHEEL_RUNTIME = {'ros-*-rmw-fastrtps-cpp'}
DISTRIBUTIONS = ('kilted', 'jazzy')


def imported_modules() -> dict[str, set[Path]]:
    """Return the top-level names of all absolute imports, with the files that have each."""
    found: dict[str, set[Path]] = {}
    for path in [*REPO.glob('surgsam2_ros/**/*.py'), *REPO.glob('launch/*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.partition('.')[0], set()).add(path)
    own = {'surgsam2_ros'}
    return {n: p for n, p in found.items() if n not in sys.stdlib_module_names and n not in own}


def assert_imported_in(names: Iterable[str], *rooms: str) -> None:
    """Check that nothing outside these rooms of the package imports one of the libraries."""
    folders = [REPO / 'surgsam2_ros' / room for room in rooms]
    imported = imported_modules()
    outside = {
        path
        for name in names
        for path in imported.get(name, ())
        if not any(path.is_relative_to(folder) for folder in folders)
    }
    assert not outside


def rosdep_keys(manifest: Path) -> set[str]:
    """Return the runtime dependencies of a package.xml."""
    root = ElementTree.parse(manifest).getroot()
    return {entry.text for kind in ('depend', 'exec_depend') for entry in root.iter(kind)}


def requirements(name: str) -> dict[str, str]:
    """Return project -> version of a file under requirements/, e.g. `'ros/jazzy'`."""
    found = {}
    for line in (REPO / 'requirements' / f'{name}.txt').read_text().splitlines():
        line = line.partition('#')[0].strip()
        if line:
            match = re.fullmatch(r'([A-Za-z0-9_.-]+)==([A-Za-z0-9_.+-]+)', line)
            assert match, f'requirements/{name}.txt: {line!r} is not pinned with =='
            found[match[1]] = match[2]
    return found


def test_every_import_is_a_known_library():
    known = {**LIBRARIES, **OPTIONAL}
    unknown = {name: paths for name, paths in imported_modules().items() if name not in known}
    assert not unknown


def test_package_xml_names_what_is_imported_and_nothing_else():
    names = imported_modules().keys() - OPTIONAL.keys()
    wanted = {LIBRARIES[name][0] for name in names} - {None}
    assert rosdep_keys(REPO / 'package.xml') == wanted | ROS_RUNTIME


@pytest.mark.parametrize('distribution', DISTRIBUTIONS)
def test_requirements_name_what_is_imported_and_nothing_else(distribution):
    names = imported_modules().keys() - OPTIONAL.keys()
    wanted = {LIBRARIES[name][1] for name in names} - {None} | WHEEL_RUNTIME
    pinned = {*requirements('run'), *requirements(f'ros/{distribution}')}
    assert pinned == {name.replace('*', distribution) for name in wanted}


def test_what_training_imports_is_pinned_for_it_and_imported_by_training_alone():
    assert set(TRAINING.values()) <= set(requirements('train'))
    assert_imported_in(TRAINING, 'training', 'commands')


def test_what_evaluation_imports_is_pinned_for_it_and_imported_by_it_alone():
    pinned = requirements('evaluate')
    assert set(EVALUATION.values()) <= set(pinned)
    assert_imported_in(EVALUATION, 'evaluation')
    versions = {name: pinned[name] for name in ('trackeval', 'scipy')}
    assert all(f'{name}=={version}' in identity.INSTALL for name, version in versions.items())


def test_the_node_imports_nothing_that_only_the_commands_need():
    assert_imported_in(['psutil'], 'evaluation', 'live')
    assert_imported_in(['tqdm'], 'commands')


def test_no_two_lists_pin_different_versions():
    """All go into one environment, in any order."""
    pinned: dict[str, set[str]] = {}
    for path in (REPO / 'requirements').glob('*.txt'):
        for name, version in requirements(path.stem).items():
            pinned.setdefault(name.lower().replace('_', '-'), set()).add(version)
    assert {name: versions for name, versions in pinned.items() if len(versions) > 1} == {}


def test_ray_is_pinned_and_imported_in_one_place():
    assert set(CLUSTER.values()) <= set(requirements('ray'))
    assert imported_modules()['ray'] == {
        REPO / 'surgsam2_ros' / 'evaluation' / 'runs' / 'ray_cluster.py'
    }


def test_what_the_console_imports_is_pinned_for_it_and_imported_by_it_alone():
    assert set(CONSOLE.values()) <= set(requirements('console'))
    assert_imported_in(CONSOLE, 'console', 'live')


def test_what_draws_charts_is_pinned_and_imported_by_benchmarks_and_live_alone():
    assert set(CHARTS.values()) <= set(requirements('charts'))
    assert_imported_in(CHARTS, 'benchmarks', 'live')


def test_onnx_is_pinned_and_imported_by_the_engines_alone():
    assert set(ENGINES.values()) <= set(requirements('onnx'))
    assert_imported_in(ENGINES, 'engines')


def test_peers_are_pinned_and_imported_by_the_benchmarks_alone():
    assert set(BENCHMARKS.values()) <= {*requirements('oracle'), *requirements('bench')}
    assert_imported_in(BENCHMARKS, 'benchmarks')


@pytest.mark.parametrize(
    'name',
    sorted(
        path.relative_to(REPO / 'requirements').with_suffix('').as_posix()
        for path in (REPO / 'requirements').rglob('*.txt')
    ),
)
def test_requirements_are_pinned(name):
    assert requirements(name)


def test_messages_are_built_with_the_pinned_tools():
    text = (REPO / 'surgsam2_msgs' / 'pyproject.toml').read_text()
    built_with = dict(re.findall(r'"([a-z-]+)==([0-9.]+)"', text))
    tools = {**requirements('build'), **requirements('ros/kilted_build')}
    pinned = {**tools, **requirements('ros/kilted')}
    assert built_with == {name: pinned[name] for name in built_with}
    assert requirements('ros/kilted_build').keys() <= built_with.keys()


def test_message_manifest_agrees_with_cmake():
    cmake = (REPO / 'surgsam2_msgs' / 'CMakeLists.txt').read_text()
    depends = set(re.search(r'DEPENDENCIES ([a-z_ ]+)', cmake)[1].split())
    assert rosdep_keys(REPO / 'surgsam2_msgs' / 'package.xml') == depends | {
        'rosidl_default_runtime'
    }
    listed = set(re.findall(r'"((?:msg|srv)/\w+\.(?:msg|srv))"', cmake))
    assert listed == {
        path.relative_to(REPO / 'surgsam2_msgs').as_posix()
        for path in (REPO / 'surgsam2_msgs').glob('[ms]*/*.[ms]*')
    }


def test_one_version_everywhere():
    versions = {
        'surgsam2_ros/__init__.py': r"__version__ = '(.+)'",
        'setup.py': r"version='(.+)'",
        'package.xml': r'<version>(.+)</version>',
        'surgsam2_msgs/package.xml': r'<version>(.+)</version>',
        'surgsam2_msgs/pyproject.toml': r'\nversion = "(.+)"',
    }
    found = {name: re.search(p, (REPO / name).read_text())[1] for name, p in versions.items()}
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize('manifest', ['package.xml', 'surgsam2_msgs/package.xml'])
def test_manifests_are_valid(manifest):
    catkin_package = pytest.importorskip('catkin_pkg.package')
    warnings: list[str] = []
    package = catkin_package.parse_package(str(REPO / manifest), warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings
    assert package.licenses == ['Apache-2.0']


@pytest.mark.parametrize(
    'path',
    sorted((REPO / 'surgsam2_msgs').glob('[ms]*/*.[ms]*')),
    ids=lambda path: path.name,
)
def test_every_message_field_has_a_comment(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith('# '), 'a message opens with what it is'
    fields = [line for line in lines if line and not line.startswith(('#', '---'))]
    assert fields
    enumerated = re.compile(r'uint8 [A-Z_]+=\d+\s*(#.*)?')
    bare = [line for line in fields if ' # ' not in line and not enumerated.fullmatch(line)]
    assert not bare


def test_a_bond_is_imported_by_the_node_alone():
    assert_imported_in(SUPERVISION, 'nodes')
