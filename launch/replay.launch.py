# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Replays a bag into the tracking node, optionally with RViz, and ends with the bag."""

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    Shutdown,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.substitutions import ExecutableInPackage

from surgsam2_ros.share import share_file

BOOLEANS = ['true', 'false']
# The player waits this long for the node to load its network and subscribe [s].
STARTUP_TIMEOUT_S = 300
# Arguments handed on to surgsam2.launch.py, with their defaults and meanings there.
HANDED_ON = {
    'namespace': ('', 'Namespace of the node, for example /endoscope/left.'),
    'image_topic': ('/endoscope/left/image_raw', 'Topic of the images, as it is in the bag.'),
    'transport': (
        '',
        'raw or compressed; empty: compressed when image_topic ends in /compressed, '
        'else as in the parameter file.',
    ),
    'params_file': (
        str(share_file('config/surgsam2.yaml')),
        "YAML file with the node's parameters.",
    ),
    'model': ('', 'Network configuration; empty: as in the parameter file.'),
    'checkpoint': ('', 'File with the weights; empty: as in the parameter file.'),
    'device': ('', 'auto, cpu, cuda or cuda:<index>; empty: as in the parameter file.'),
    'rviz': ('false', 'Start RViz with the image, the overlay and the label image.'),
    'console': ('false', "Serve the operator's page, to this machine alone."),
    'console_port': ('8090', "TCP port of the operator's page."),
    'log_level': ('info', 'Least severe messages that the node logs.'),
}
CHOICES = {
    'transport': ['', 'raw', 'compressed'],
    'rviz': BOOLEANS,
    'console': BOOLEANS,
    'log_level': ['debug', 'info', 'warn', 'error', 'fatal'],
}


def generate_launch_description():
    """Return the node, on the bag's time, and a player that starts when the node is ready."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='Bag to replay: a folder, .mcap or .db3.'),
            DeclareLaunchArgument(
                'rate', default_value='1.0', description='Playing speed, 1.0 = as recorded.'
            ),
            DeclareLaunchArgument(
                'loop',
                default_value='false',
                choices=BOOLEANS,
                description='Start over at the end; the tracker forgets its objects each time.',
            ),
            *(
                DeclareLaunchArgument(
                    name, default_value=default, description=meaning, choices=CHOICES.get(name)
                )
                for name, (default, meaning) in HANDED_ON.items()
            ),
            GroupAction(  # else the arguments stay set for what is launched after the replay
                [
                    IncludeLaunchDescription(
                        PythonLaunchDescriptionSource(str(share_file('launch/surgsam2.launch.py'))),
                        launch_arguments=[
                            *((name, LaunchConfiguration(name)) for name in HANDED_ON),
                            ('use_sim_time', 'true'),
                            ('reset_on_jump', LaunchConfiguration('loop')),
                            ('autostart', 'true'),
                        ],
                    ),
                ]
            ),
            OpaqueFunction(function=play_bag),
        ]
    )


def play_bag(context):
    """Return the player of the image topic."""
    arguments = {
        name: LaunchConfiguration(name).perform(context)
        for name in ('bag', 'rate', 'loop', 'image_topic')
    }
    options = ['--loop'] if arguments['loop'] == 'true' else []
    return [
        ExecuteProcess(
            cmd=[
                ExecutableInPackage(executable='surgsam2', package='surgsam2_ros'),
                'bag',
                'play',
                arguments['bag'],
                '--rate',
                arguments['rate'],
                '--clock',
                '--wait-for-subscribers',
                str(STARTUP_TIMEOUT_S),
                '--topics',
                arguments['image_topic'],
                *options,
            ],
            name='player',
            output='screen',
            on_exit=Shutdown(reason='the bag has ended'),
        )
    ]
