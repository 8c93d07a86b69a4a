# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes the reference in docs/ros_api.md and config/surgsam2.yaml, from what the node itself uses.

`python docs/tools/api_reference.py --write docs/ros_api.md --write-config config/surgsam2.yaml`
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool, Trigger

if __package__:
    from docs.tools.generated_part import GeneratedPart
else:  # run as a program, whose folder is the path
    from generated_part import GeneratedPart
from surgsam2_msgs.msg import DetectionArray, Event, PromptArray, TrackArray, TrackerStatus
from surgsam2_msgs.srv import AddObjects, ListObjects, RemoveObject, SegmentImage
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.tracker.health.diagnostics import diagnostics_keys
from surgsam2_ros.nodes.tracker.parameters import ParameterSpec, parameter_schema

REPO = Path(__file__).resolve().parents[2]
PART = GeneratedPart('ros-api')

_CHANGES = {
    'any_time': 'at any time',
    'unconfigured': 'while unconfigured',
    'at_start': 'at start only',
}


class Topic(NamedTuple):
    """A topic of the node; `profile` is None for images, whose quality is a parameter."""

    name: str
    type: type
    profile: QoSProfile | None
    description: str


class Service(NamedTuple):
    """A service of the node."""

    name: str
    type: type
    description: str


SUBSCRIPTIONS = (
    Topic('image', Image, None, 'Endoscope images, with `input.transport` raw.'),
    Topic(
        'image/compressed',
        CompressedImage,
        None,
        'The same as JPEG or PNG, with `input.transport` compressed.',
    ),
    Topic(
        'prompts',
        PromptArray,
        qos.PROMPTS,
        'Objects to add or refine. The header is that of the image that was looked at; '
        'stamp 0 means the newest.',
    ),
    Topic(
        '~/clicked_pixel',
        PointStamped,
        qos.PROMPTS,
        'A click on the image of the header, x and y in pixels: one more point on the object that '
        'it lies on, or else a new object `click_1`, `click_2` and so on.',
    ),
    Topic(
        'detections',
        DetectionArray,
        qos.DETECTIONS,
        "A detector's boxes, only while `discovery.source` is external or both. The header is that "
        'of the image that was looked at; stamp 0 means the newest.',
    ),
)
PUBLICATIONS = (
    Topic(
        '~/tracks',
        TrackArray,
        qos.TRACKS,
        'Every object in every processed image, also when there are none. Deadline and liveliness '
        'by `output.deadline_ms` and `output.liveliness_lease_ms`.',
    ),
    Topic(
        '~/label_image',
        Image,
        qos.LABEL_IMAGE,
        "mono8 of the image's size, only while somebody subscribes: 0 is background, other values "
        'are `Track.instance`.',
    ),
    Topic(
        '~/overlay',
        Image,
        qos.OVERLAY,
        'rgb8 picture of the tracks, drawn only while somebody subscribes.',
    ),
    Topic(
        '~/events',
        Event,
        qos.EVENTS,
        'Every decision about instruments that are found by themselves, only while '
        '`discovery.source` is not off.',
    ),
    Topic('~/status', TrackerStatus, qos.STATUS, 'State, counts, rate and times.'),
    Topic(
        '/diagnostics',
        DiagnosticArray,
        qos.DIAGNOSTICS,
        'The same, judged against the limits in `diagnostics.*`.',
    ),
)
SERVICES = (
    Service(
        '~/add_objects',
        AddObjects,
        'Add objects by points, boxes or masks, or refine known ones; all or nothing.',
    ),
    Service('~/remove_object', RemoveObject, 'Forget one object.'),
    Service('~/list_objects', ListObjects, 'Which objects are tracked.'),
    Service(
        '~/segment',
        SegmentImage,
        'Segment one image, without memory or effect on tracks. On a CPU that is done beside the '
        'tracking, by a thread of low priority; on a GPU between two frames.',
    ),
    Service('~/reset', Trigger, 'Forget all objects.'),
    Service('~/enable', SetBool, 'Pause and go on; objects and memory are kept.'),
)


def type_name(interface: type) -> str:
    """Return a message's or service's ROS name, such as sensor_msgs/msg/Image."""
    package, kind = interface.__module__.split('.')[:2]
    return f'{package}/{kind}/{interface.__name__}'


def api_markdown() -> str:
    """Return the tables of topics, services and parameters, without the markers."""
    sections = [
        _table('Subscribed topics', ('Topic', 'Type', 'QoS', 'Content'), _topics(SUBSCRIPTIONS)),
        'Names are relative: give the node a namespace per camera, or remap `image`.',
        _table('Published topics', ('Topic', 'Type', 'QoS', 'Content'), _topics(PUBLICATIONS)),
        'Per-image outputs carry exactly the header of their image. Where the ROS package '
        'foxglove_msgs is installed, `~/annotations` (`foxglove_msgs/msg/ImageAnnotations`) has '
        "outlines and names for Foxglove's image panel, while somebody subscribes. Where "
        'vision_msgs is installed, `detections_2d` (`vision_msgs/msg/Detection2DArray`) is read '
        'like `detections`, `~/detections` (the same type, each box with its id) is published '
        'while somebody subscribes, and `~/label_info` (`vision_msgs/msg/LabelInfo`, transient '
        'local) says which object each value of the label image is, or which class, where '
        '`output.classes` knows that of the object.',
        _table(
            'Services',
            ('Service', 'Type', 'What it does'),
            [(f'`{s.name}`', f'`{type_name(s.type)}`', s.description) for s in SERVICES],
        ),
        _table(
            'Parameters',
            ('Parameter', 'Type', 'Default', 'Allowed', 'Changes', 'Meaning'),
            [_parameter_row(spec) for spec in parameter_schema().values()],
        ),
        '### Keys in `/diagnostics`',
        ', '.join(f'`{key}`' for key in diagnostics_keys()),
        '### Messages and services',
        *(_definition(path) for path in sorted((REPO / 'surgsam2_msgs').glob('[ms]*/*.[ms]*'))),
    ]
    return '\n\n'.join(sections) + '\n'


def _definition(path: Path) -> str:
    """Return the text of a message or service under its ROS name."""
    name = f'#### surgsam2_msgs/{path.parent.name}/{path.stem}'
    return f'{name}\n\n```\n{path.read_text(encoding="utf-8").strip()}\n```'


def insert_api(document: str) -> str:
    """Return a document with the tables between its markers.

    Raises:
        ValueError: the document has not exactly one of each marker, in order.
    """
    return PART.replaced(document, api_markdown())


def parameter_file() -> str:
    """Return config/surgsam2.yaml: every parameter with its default and a comment."""
    lines = [
        '# Parameters of surgsam2_node with their defaults. Copy it, keep what you change and pass',
        '# it as the launch argument params_file. Made by docs/tools/api_reference.py.',
        '/**:',
        '  ros__parameters:',
    ]
    group = None
    for spec in parameter_schema().values():
        *groups, name = spec.name.split('.')
        indent = ' ' * 4
        if groups:
            if groups[0] != group:
                group = groups[0]
                lines.append(f'{indent}{group}:')
            indent += '  '
        lines += textwrap.wrap(
            _comment(spec), 100, initial_indent=f'{indent}# ', subsequent_indent=f'{indent}# '
        )
        lines.append(f'{indent}{name}: {_yaml_scalar(spec.default)}')
    return '\n'.join(lines) + '\n'


def _topics(topics: Iterable[Topic]) -> list[tuple[str, ...]]:
    return [
        (f'`{topic.name}`', f'`{type_name(topic.type)}`', _qos(topic.profile), topic.description)
        for topic in topics
    ]


def _qos(profile: QoSProfile | None) -> str:
    if profile is None:
        return 'by `input.qos`'
    reliable = profile.reliability == ReliabilityPolicy.RELIABLE
    latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return (
        f'{"reliable" if reliable else "best effort"}'
        f'{", transient local" if latched else ""}, last {profile.depth}'
    )


def _parameter_row(spec: ParameterSpec) -> tuple[str, ...]:
    return (
        f'`{spec.name}`',
        spec.type,
        f'`{_yaml_scalar(spec.default)}`',
        spec.constraint,
        _CHANGES[spec.changes],
        spec.description,
    )


def _comment(spec: ParameterSpec) -> str:
    allowed = f' Allowed: {spec.constraint}.' if spec.constraint else ''
    return f'{spec.description}{allowed}'


def _yaml_scalar(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).splitlines()[0]


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f'### {title}', '', _row(columns), _row(['---'] * len(columns))]
    return '\n'.join([*lines, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in cells)} |'


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files named on the command line, or the tables to standard output."""
    parser = argparse.ArgumentParser(
        prog='python docs/tools/api_reference.py', description=__doc__.splitlines()[0]
    )
    parser.add_argument('--write', type=Path, metavar='FILE.md', help='fill in its ROS API')
    parser.add_argument(
        '--write-config', type=Path, metavar='PARAMS.yaml', help='write a file of the defaults'
    )
    options = parser.parse_args(arguments)
    if options.write:
        document = options.write.read_text(encoding='utf-8')
        options.write.write_text(insert_api(document), encoding='utf-8')
    if options.write_config:
        options.write_config.write_text(parameter_file(), encoding='utf-8')
    if not options.write and not options.write_config:
        sys.stdout.write(api_markdown())
    return 0


if __name__ == '__main__':
    sys.exit(main())
