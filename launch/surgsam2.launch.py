# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Starts the tracking node of a camera, or of several, with RViz and the operator's page if wanted.

Arguments left empty leave the parameter file's value alone; an argument that is given wins over it.
Include it in a GroupAction, one per camera, as stereo.launch.py does: without one, launch hands the
arguments of an include on to everything after it.
"""

import os
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from surgsam2_ros.live.ros_environment import large_image_profile, shared_heap
from surgsam2_ros.share import share_file

IMAGE_TOPIC = '/endoscope/left/image_raw'
BOOLEANS = ['true', 'false']
COMPRESSED = '/compressed'


def generate_launch_description():
    """Return the node of one camera, or of several, configured by arguments."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='Namespace of the node, one per camera, for example /endoscope/left.',
            ),
            DeclareLaunchArgument(
                'cameras',
                default_value='',
                description='Names of several cameras for one process, which share one network, '
                'for example left,right; each gets a node of its own in the namespace of its name '
                'below namespace. Empty: one camera.',
            ),
            DeclareLaunchArgument(
                'image_topic',
                default_value=IMAGE_TOPIC,
                description='Topic of the images. /compressed at its end may be given or left out. '
                'With cameras a name in the namespace of each, image_raw unless given.',
            ),
            DeclareLaunchArgument(
                'transport',
                default_value='',
                choices=['', 'raw', 'compressed'],
                description='Subscribe to sensor_msgs/Image (raw) or CompressedImage (compressed); '
                'empty: compressed when image_topic ends in /compressed, else as in the '
                'parameter file.',
            ),
            DeclareLaunchArgument(
                'params_file',
                default_value=str(share_file('config/surgsam2.yaml')),
                description="YAML file with the node's parameters.",
            ),
            DeclareLaunchArgument(
                'model',
                default_value='',
                description='Network configuration, a path or a name such as '
                'models/surgsam2_nano_320.yaml; empty: as in the parameter file.',
            ),
            DeclareLaunchArgument(
                'checkpoint',
                default_value='',
                description='File with the weights, a path or a name below models/; '
                'empty: as in the parameter file.',
            ),
            DeclareLaunchArgument(
                'device',
                default_value='',
                description='Where the network runs: auto, cpu, cuda or cuda:<index>; '
                'empty: as in the parameter file.',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='false',
                choices=BOOLEANS,
                description='Take the time from /clock, for simulators and replayed bags.',
            ),
            DeclareLaunchArgument(
                'reset_on_jump',
                default_value='',
                choices=['', *BOOLEANS],
                description='Forget all objects when image stamps go back, as when a bag starts '
                'over; empty: as in the parameter file.',
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='true',
                choices=BOOLEANS,
                description='Configure and activate the node at start; '
                'false leaves that to a lifecycle manager.',
            ),
            DeclareLaunchArgument(
                'respawn',
                default_value='false',
                choices=BOOLEANS,
                description='Start the node again when its process ends; with autostart it goes on '
                'with the objects that it had (restart.* in the parameter file).',
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                choices=BOOLEANS,
                description='Start RViz with the image, the overlay and the label image.',
            ),
            DeclareLaunchArgument(
                'console',
                default_value='false',
                choices=BOOLEANS,
                description="Serve the operator's page, to this machine alone.",
            ),
            DeclareLaunchArgument(
                'console_port',
                default_value='8090',
                description="TCP port of the operator's page.",
            ),
            DeclareLaunchArgument(
                'log_level',
                default_value='info',
                choices=['debug', 'info', 'warn', 'error', 'fatal'],
                description='Least severe messages that the node logs.',
            ),
            OpaqueFunction(function=start_node),
            OpaqueFunction(function=show_in_rviz),
            OpaqueFunction(function=serve_console),
        ]
    )


def start_node(context):
    """Return the node, with the parameters that were given as arguments.

    Raises:
        RuntimeError: there is no such parameter file. launch_ros would warn and start the node with
            its defaults.
    """

    def argument(name):
        return LaunchConfiguration(name).perform(context)

    if not Path(argument('params_file')).is_file():
        raise RuntimeError(
            f'params_file {argument("params_file")!r} is not a file; give the path of a YAML file '
            f'with the parameters of the node, such as {share_file("config/surgsam2.yaml")}'
        )
    parameters = {
        'autostart': argument('autostart') == 'true',
        'use_sim_time': argument('use_sim_time') == 'true',
    }
    cameras = camera_names(context)
    if cameras:
        parameters['cameras'] = cameras
    transport = argument('transport')
    if not transport and argument('image_topic').endswith(COMPRESSED):
        transport = 'compressed'
    if transport:
        parameters['input.transport'] = transport
    if argument('reset_on_jump'):
        parameters['input.reset_on_jump'] = argument('reset_on_jump') == 'true'
    for name, parameter in {
        'model': 'model.config',
        'checkpoint': 'model.checkpoint',
        'device': 'model.device',
    }.items():
        if argument(name):
            parameters[parameter] = ParameterValue(argument(name), value_type=str)
    # With several cameras this is the process; their nodes are below its namespace.
    kind = Node if cameras else LifecycleNode
    return [
        kind(
            package='surgsam2_ros',
            executable='surgsam2_node',
            name='surgsam2',
            namespace=argument('namespace'),
            parameters=[argument('params_file'), parameters],
            remappings=image_remappings(image_topic(context)),
            arguments=['--ros-args', '--log-level', argument('log_level')],
            additional_env=large_image_profile() | (shared_heap() if cameras else {}),
            output='screen',
            respawn=argument('respawn') == 'true',
            respawn_delay=0.5,
            on_exit=fail_without_node,
        )
    ]


def camera_names(context):
    """Return the names of the cameras; none when there is one camera.

    Raises:
        RuntimeError: a name is empty.
    """
    given = LaunchConfiguration('cameras').perform(context).strip('[] ')
    names = [name.strip() for name in given.split(',')] if given else []
    if not all(names):
        raise RuntimeError(f'cameras {given!r} has an empty name; write names such as left,right')
    return names


def image_topic(context):
    """Return the topic of the images, relative to the namespace of each of several cameras.

    Raises:
        RuntimeError: several cameras would have the same topic.
    """
    given = LaunchConfiguration('image_topic').perform(context)
    if not camera_names(context):
        return given
    if given == IMAGE_TOPIC:
        return 'image_raw'
    if given.startswith('/'):
        raise RuntimeError(
            f'image_topic {given!r} would be that of all cameras; give a name in the namespace of '
            'each, such as image_raw'
        )
    return given


def fail_without_node(event, context):
    """Fail the launch when the node ended because it could not start: so would the next one.

    Raises:
        RuntimeError: it could not. Only an exception has `ros2 launch` end with an error.
    """
    if event.returncode == os.EX_CONFIG:
        raise RuntimeError(f'{event.process_name} could not start; its last lines say why')


def show_in_rviz(context):
    """Return RViz, with the topics of its configuration moved to this camera's.

    It runs in the node's namespace, wherever that was pushed to, and relative names follow. Of
    several cameras it shows the first.
    """
    outer = LaunchConfiguration('namespace').perform(context)
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            namespace='/'.join(name for name in (outer, *camera_names(context)[:1]) if name),
            arguments=['-d', str(share_file('config/surgsam2.rviz'))],
            remappings=[
                *((f'/{name}', topic) for name, topic in image_remappings(image_topic(context))),
                ('/surgsam2/overlay', 'surgsam2/overlay'),
                ('/surgsam2/label_image', 'surgsam2/label_image'),
            ],
            additional_env=large_image_profile(),
            condition=IfCondition(LaunchConfiguration('rviz')),
        )
    ]


def serve_console(context):
    """Return the server of the operator's page, which finds the node from its namespace."""
    names = [f'{camera}/surgsam2' for camera in camera_names(context)]
    return [
        Node(
            package='surgsam2_ros',
            executable='surgsam2_console',
            name='surgsam2_console',
            namespace=LaunchConfiguration('namespace').perform(context),
            arguments=[
                *(['--node', *names] if names else []),
                '--port',
                LaunchConfiguration('console_port'),
            ],
            additional_env=large_image_profile(),
            output='screen',
            condition=IfCondition(LaunchConfiguration('console')),
        )
    ]


def image_remappings(topic):
    """Return the remappings of the raw and the compressed input to one camera's topics."""
    raw = topic[: -len(COMPRESSED)] if topic.endswith(COMPRESSED) else topic
    return [('image', raw), (f'image{COMPRESSED}', raw + COMPRESSED)]
