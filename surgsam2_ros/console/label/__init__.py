# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label mode: a recording becomes a labelled data set with the gestures of the operator's page."""
