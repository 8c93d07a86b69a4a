# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Starts a tracking node for each of the two cameras of a stereo endoscope, and one page for both.

All other arguments of surgsam2.launch.py go to both nodes, for example device:=cuda rviz:=true.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from surgsam2_ros.live.ros_environment import large_image_profile
from surgsam2_ros.share import share_file


def generate_launch_description():
    """Return two nodes that differ in namespace and image topic alone, and the operator's page."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'console',
                default_value='false',
                choices=['true', 'false'],
                description="Serve one operator's page for both cameras, to this machine alone.",
            ),
            DeclareLaunchArgument(
                'console_port',
                default_value='8090',
                description="TCP port of the operator's page.",
            ),
            *camera('left'),
            *camera('right'),
            Node(
                package='surgsam2_ros',
                executable='surgsam2_console',
                name='surgsam2_console',
                arguments=[
                    '--node',
                    [LaunchConfiguration('left_namespace'), '/surgsam2'],
                    [LaunchConfiguration('right_namespace'), '/surgsam2'],
                    '--port',
                    LaunchConfiguration('console_port'),
                ],
                additional_env=large_image_profile(),
                output='screen',
                condition=IfCondition(LaunchConfiguration('console')),
            ),
        ]
    )


def camera(side):
    """Return one camera's arguments, and its node in a group that keeps what is set to itself."""
    return [
        DeclareLaunchArgument(
            f'{side}_namespace',
            default_value=f'endoscope/{side}',
            description=f'Namespace of the {side} node.',
        ),
        DeclareLaunchArgument(
            f'{side}_image_topic',
            default_value=f'/endoscope/{side}/image_raw',
            description=f'Topic of the {side} images.',
        ),
        GroupAction(
            [
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(share_file('launch/surgsam2.launch.py'))),
                    launch_arguments=[
                        ('namespace', LaunchConfiguration(f'{side}_namespace')),
                        ('image_topic', LaunchConfiguration(f'{side}_image_topic')),
                        ('console', 'false'),
                        ('cameras', ''),  # two processes of one camera each
                    ],
                )
            ]
        ),
    ]
