# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Replays scenes or a bag through the node and measures them, as `surgsam2 demo`, with RViz.

The demo starts the node itself, prompts it from the truth of the first image, and writes tracks,
video and summary to the output folder.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from surgsam2_ros.live.ros_environment import large_image_profile
from surgsam2_ros.share import share_file

SCENE_IMAGE_TOPIC = '/endoscope/left/image_raw'
# Launch arguments that `surgsam2 demo` takes under the same name; empty ones are left out.
HANDED_ON = {
    'bag': ('', 'Bag to replay: a folder, .mcap or .db3; empty: the scenes.'),
    'scene': ('', 'Scene to show without a bag, composed or rendered; empty: both in turn.'),
    'image_topic': ('', 'Topic of the images in the bag; empty: the only one there.'),
    'truth_topic': ('', 'Topic of label images (mono8) that the result is measured against.'),
    'model': ('', 'Network configuration; empty: models/surgsam2_nano_320.yaml.'),
    'checkpoint': ('', 'File with the weights; empty: those that the configuration names.'),
    'device': ('', 'auto, cpu, cuda or cuda:<index>; empty: auto.'),
    'rate': ('', 'Images per second; empty: as recorded.'),
    'output': (
        'build/demo',
        'Folder for tracks.mcap, overlay.mp4 and summary.json, or for those of the scenes.',
    ),
}


def generate_launch_description():
    """Return the demo and RViz; both end with the demo."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=meaning)
                for name, (default, meaning) in HANDED_ON.items()
            ),
            DeclareLaunchArgument(
                'rviz',
                default_value='false',
                choices=['true', 'false'],
                description='Start RViz with the image, the overlay and the label image.',
            ),
            OpaqueFunction(function=run_demo),
            OpaqueFunction(function=show_in_rviz),
        ]
    )


def run_demo(context):
    """Return the demo's process, in this launch's ROS domain so that RViz sees it."""
    options = []
    for name in HANDED_ON:
        value = LaunchConfiguration(name).perform(context)
        if value:
            options += [f'--{name.replace("_", "-")}', value]
    return [
        ExecuteProcess(
            cmd=[
                ExecutableInPackage(executable='surgsam2', package='surgsam2_ros'),
                'demo',
                *options,
                '--domain-id',
                EnvironmentVariable('ROS_DOMAIN_ID', default_value='0'),
            ],
            name='demo',
            output='screen',
            on_exit=Shutdown(reason='the demo has ended'),
        )
    ]


def show_in_rviz(context):
    """Return RViz, showing the topic that the demo replays."""
    image_topic = LaunchConfiguration('image_topic').perform(context) or SCENE_IMAGE_TOPIC
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            arguments=['-d', str(share_file('config/surgsam2.rviz'))],
            remappings=[('/image', image_topic)],
            additional_env=large_image_profile(),
            condition=IfCondition(LaunchConfiguration('rviz')),
        )
    ]
