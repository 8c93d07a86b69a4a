# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the message of `~/status` says while a transition is under way."""

UNDERWAY = {
    'on_configure': 'configuring',
    'on_activate': 'activating',
    'on_deactivate': 'deactivating',
    'on_cleanup': 'cleaning up',
    'on_shutdown': 'shutting down',
    'on_error': 'giving everything back after an error',
}
"""The texts by the transition's callback; a status with another one was published at rest."""
