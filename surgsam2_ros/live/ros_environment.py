# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The environment that our ROS processes run in."""

from __future__ import annotations

import os

# Distributions whose Fast DDS is older than 3; later ones warn of the old name.
_FAST_DDS_2 = ('humble', 'iron', 'jazzy')


def large_image_profile() -> dict[str, str]:
    """Return the variable that has Fast DDS carry large images in shared memory, and its value.

    One variable, the one that this ROS distribution (ROS_DISTRO, else a new one) reads. A profile
    that the user has chosen stays.
    """
    from surgsam2_ros.share import share_file

    old = os.environ.get('ROS_DISTRO') in _FAST_DDS_2
    variable = 'FASTRTPS_DEFAULT_PROFILES_FILE' if old else 'FASTDDS_DEFAULT_PROFILES_FILE'
    return {variable: os.environ.get(variable) or str(share_file('config/fastdds.xml'))}


def use_large_image_profile() -> None:
    """Use `large_image_profile` in this process and its children, before the first node is made."""
    os.environ.update(large_image_profile())


def shared_heap() -> dict[str, str]:
    """Return the variable that has the threads of several cameras share what others freed.

    By default the GNU C library gives each thread a part of the heap for itself, which stays as
    large as its greatest need was. It reads this when a process starts, and no call sets it later.
    """
    return {'MALLOC_ARENA_MAX': os.environ.get('MALLOC_ARENA_MAX') or '2'}


def use_own_domain(domain_id: int | None = None) -> None:
    """Keep this process and its children to themselves: one ROS domain, this machine alone.

    Args:
        domain_id: 0 to 101; None takes one from 60 on by the id of the process.
    """
    os.environ['ROS_DOMAIN_ID'] = str(60 + os.getpid() % 40 if domain_id is None else domain_id)
    if os.environ.get('ROS_DISTRO') == 'humble':
        os.environ['ROS_LOCALHOST_ONLY'] = '1'
    else:
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
