# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'surgsam2_ros'
SHARE = f'share/{PACKAGE}'


SHARED_SUFFIXES = {'.py', '.yaml', '.xml', '.rviz', '.json', '.safetensors', '.jpg', '.png', '.txt'}


def shared_files() -> list[tuple[str, list[str]]]:
    """Return (target folder, files) for every folder of launch/, config/, models/ and resource/."""
    folders = {}
    for top in ('launch', 'config', 'models', 'resource'):
        for path in sorted(Path(top).rglob('*')):
            if path.suffix in SHARED_SUFFIXES and path.is_file():
                target = f'{SHARE}/{path.parent.as_posix()}'
                folders.setdefault(target, []).append(path.as_posix())
    return list(folders.items())


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Surgical instrument tracking for ROS 2 with SurgSAM2',
    long_description='Takes endoscope images and publishes, for every frame, instrument masks '
    'with stable object ids.',
    license='Apache-2.0',
    maintainer='surgsam2_ros contributors',
    maintainer_email='surgsam2-ros@users.noreply.github.com',
    python_requires='>=3.10',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={PACKAGE: ['**/*.yaml', '**/*.html', '**/*.css', '**/*.js']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        *shared_files(),
    ],
    # What it runs on is in requirements/ for pip and in package.xml for rosdep: names differ,
    # and one list here would be wrong on half of the machines.
    install_requires=[],
    # Of single commands and parameters; requirements/ pins them, to be taken with --no-deps.
    extras_require={
        'test': ['pytest'],
        'console': ['nicegui'],
        'bench': ['timm', 'transformers'],
        'charts': ['matplotlib'],
        'evaluation': ['scipy', 'trackeval'],
        'onnx': ['onnx', 'onnxruntime', 'onnxscript'],
        'ray': ['ray'],
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'surgsam2 = surgsam2_ros.cli:main',
            'surgsam2_console = surgsam2_ros.cli:console',
            'surgsam2_node = surgsam2_ros.nodes.tracker.__main__:main',
        ],
    },
)
